package io.github.tornadoattention.bench.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A page as Markdown with its figures in files of their own.
 *
 * @param text the Markdown
 * @param figures the SVG of each figure by its file's name
 */
record MarkdownPage(String text, Map<String, String> figures) {
    /** {@code folder}: where the figures will be, beside the Markdown. */
    static MarkdownPage of(Page page, String folder) {
        StringBuilder text = new StringBuilder("# %s\n".formatted(page.title()));
        Map<String, String> figures = new LinkedHashMap<>();
        text.append('\n');
        page.headings().forEach(words -> text.append("- [%s](#%s)\n".formatted(words, Page.anchor(words))));
        for (Page.Piece piece : page.pieces()) {
            switch (piece) {
                case Page.Heading heading -> text.append("\n## %s\n".formatted(heading.words()));
                case Page.Paragraph paragraph -> text.append("\n%s\n".formatted(paragraph.words()));
                case Page.TableOf table -> table(text, table.rows());
                case Page.Figure figure -> {
                    String name = figure(figures.size() + 1);
                    figures.put(name, figure.svg());
                    text.append("\n![%s](%s/%s)\n\n%s\n".formatted(figure.caption().replaceAll("[\\[\\]]", ""), folder,
                            name, figure.caption()));
                    figure.commands().forEach(command -> text.append("\n    %s\n".formatted(command)));
                }
            }
        }
        return new MarkdownPage(text.toString(), figures);
    }

    /** The name of the nth figure's file. */
    static String figure(int n) {
        return "figure-%d.svg".formatted(n);
    }

    private static void table(StringBuilder text, List<List<String>> rows) {
        text.append('\n');
        for (int n = 0; n < rows.size(); n++) {
            text.append("| ").append(String.join(" | ", rows.get(n).stream().map(words -> words.replace("|", "\\|")).toList()))
                    .append(" |\n");
            if (n == 0) {
                List<String> rule = new ArrayList<>();
                for (int column = 0; column < rows.getFirst().size(); column++) {
                    rule.add(Page.isNumeric(rows, column) ? "---:" : "---");
                }
                text.append("| ").append(String.join(" | ", rule)).append(" |\n");
            }
        }
    }
}

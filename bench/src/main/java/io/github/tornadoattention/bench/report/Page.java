package io.github.tornadoattention.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a report says, before it is HTML or Markdown. */
final class Page {
    /** A piece of the page. */
    sealed interface Piece {}

    /** A heading of a section. */
    record Heading(String words) implements Piece {}

    /** A paragraph. */
    record Paragraph(String words) implements Piece {}

    /** A table; the first row is its head. */
    record TableOf(List<List<String>> rows) implements Piece {}

    /** A figure and the commands that measured it. */
    record Figure(String svg, String caption, List<String> commands) implements Piece {}

    private static final String NUMBER = "-?\\d+(\\.\\d+)?(e-?\\d+)?\\*?%?( \\(.*\\)| [A-Za-z]{1,4}(/s)?)?";

    private final String title;
    private final List<Piece> pieces = new ArrayList<>();

    Page(String title) {
        this.title = title;
    }

    /** Whether a column of a table holds numbers, which stand to the right: most of its cells that are not empty. */
    static boolean isNumeric(List<List<String>> rows, int column) {
        List<String> cells = rows.stream().skip(1).map(row -> column < row.size() ? row.get(column) : "")
                .filter(cell -> !cell.isEmpty()).toList();
        return column > 0 && 2 * cells.stream().filter(cell -> cell.matches(NUMBER)).count() >= cells.size();
    }

    String title() {
        return title;
    }

    List<Piece> pieces() {
        return List.copyOf(pieces);
    }

    /** The headings' words. */
    List<String> headings() {
        return pieces.stream().filter(Heading.class::isInstance).map(piece -> ((Heading) piece).words()).toList();
    }

    /** What a link to a heading says behind {@code #}, as GitHub makes it. */
    static String anchor(String heading) {
        return heading.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9 -]", "").replace(' ', '-');
    }

    void heading(String words) {
        pieces.add(new Heading(words));
    }

    void paragraph(String words) {
        pieces.add(new Paragraph(words));
    }

    void table(List<List<String>> rows) {
        pieces.add(new TableOf(rows));
    }

    void add(Piece piece) {
        pieces.add(piece);
    }

    void figure(Plot plot, String caption, List<String> commands) {
        if (!plot.isEmpty()) {
            pieces.add(new Figure(plot.svg(), caption, commands));
        }
    }
}

package io.github.tornadoattention.bench.report;

import java.util.List;

/** A page as one HTML file that needs nothing beside it. */
final class HtmlPage {
    private static final String STYLE = """
            body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#111;background:#fff}
            h1{font-size:1.6em}h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #bbb}
            table{border-collapse:collapse;margin:1em 0;font-size:13px}
            th,td{border:1px solid #bbb;padding:.2em .6em;text-align:right}
            th{background:#f2f2f2}.words{text-align:left}
            figure{margin:1.5em 0;break-inside:avoid}figure svg{width:100%;height:auto;border:1px solid #ddd}
            figcaption{font-size:13px;color:#333}code{font-size:12px;overflow-wrap:anywhere}
            .wide{overflow-x:auto}
            @media print{body{max-width:none;font-size:11px}h2{break-after:avoid}table{break-inside:avoid}}
            """;

    private HtmlPage() {}

    static String of(Page page) {
        StringBuilder html = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        html.append("<title>%s</title>\n<style>\n%s</style></head><body>\n<h1>%s</h1>\n".formatted(
                Text.escaped(page.title()), STYLE, Text.escaped(page.title())));
        html.append("<nav><ul>\n");
        page.headings().forEach(words -> html.append("<li><a href=\"#%s\">%s</a></li>\n".formatted(Page.anchor(words),
                Text.escaped(words))));
        html.append("</ul></nav>\n");
        for (Page.Piece piece : page.pieces()) {
            switch (piece) {
                case Page.Heading heading -> html.append("<h2 id=\"%s\">%s</h2>\n".formatted(
                        Page.anchor(heading.words()), Text.escaped(heading.words())));
                case Page.Paragraph paragraph -> html.append("<p>%s</p>\n".formatted(Text.escaped(paragraph.words())));
                case Page.TableOf table -> table(html, table.rows());
                case Page.Figure figure -> {
                    html.append("<figure>\n").append(figure.svg()).append("<figcaption>").append(Text.escaped(figure.caption()));
                    figure.commands().forEach(command -> html.append("<br><code>%s</code>".formatted(Text.escaped(command))));
                    html.append("</figcaption></figure>\n");
                }
            }
        }
        return html.append("</body></html>\n").toString();
    }

    private static void table(StringBuilder html, List<List<String>> rows) {
        html.append("<div class=\"wide\"><table>\n");
        for (int n = 0; n < rows.size(); n++) {
            String cell = n == 0 ? "th" : "td";
            html.append("<tr>");
            for (int column = 0; column < rows.get(n).size(); column++) {
                String left = Page.isNumeric(rows, column) ? "" : " class=\"words\"";
                html.append("<%s%s>%s</%s>".formatted(cell, left, Text.escaped(rows.get(n).get(column)), cell));
            }
            html.append("</tr>\n");
        }
        html.append("</table></div>\n");
    }
}

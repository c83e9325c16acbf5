package io.github.tornadoattention.host.npy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The Python dict literal in an .npy header, read strictly: exactly the keys descr, fortran_order and shape, in any order,
 * with a string, a bool and a tuple of whole numbers.
 */
record HeaderDict(String descr, boolean fortranOrder, List<Long> shape) {
    /** NumPy's own limit on the number of dimensions. */
    private static final int MAX_RANK = 64;

    /**
     * Reads the literal.
     *
     * @throws MalformedArrayException if it is anything else than such a dict followed by blanks
     */
    static HeaderDict parse(String text) {
        return new Parser(text).dict();
    }

    private static final class Parser {
        private final String text;
        private int at;

        Parser(String text) {
            this.text = text;
        }

        HeaderDict dict() {
            String descr = null;
            Boolean fortranOrder = null;
            List<Long> shape = null;
            Set<String> seen = new HashSet<>();
            expect('{');
            while (!skip('}')) {
                String key = string();
                expect(':');
                if (!seen.add(key)) {
                    throw error("key '%s' twice".formatted(key));
                }
                switch (key) {
                    case "descr" -> descr = descr();
                    case "fortran_order" -> fortranOrder = bool();
                    case "shape" -> shape = tuple();
                    default -> throw error("unknown key '%s'".formatted(key));
                }
                if (!skip(',')) {
                    expect('}');
                    break;
                }
            }
            blanks();
            if (at < text.length()) {
                throw error("text after the dict");
            }
            return new HeaderDict(present("descr", descr), present("fortran_order", fortranOrder), present("shape", shape));
        }

        private <T> T present(String key, @Nullable T value) {
            if (value == null) {
                throw error("key '%s' is missing".formatted(key));
            }
            return value;
        }

        private String descr() {
            blanks();
            if (at < text.length() && (text.charAt(at) == '[' || text.charAt(at) == '(')) {
                throw new MalformedArrayException("has a structured dtype; plain numbers are needed");
            }
            return string();
        }

        private String string() {
            blanks();
            char quote = at < text.length() ? text.charAt(at) : 0;
            if (quote != '\'' && quote != '"') {
                throw error("a string is missing");
            }
            int end = text.indexOf(quote, at + 1);
            String value = end < 0 ? "" : text.substring(at + 1, end);
            if (end < 0 || value.indexOf('\\') >= 0) {
                throw error("a string that does not end or holds escapes");
            }
            at = end + 1;
            return value;
        }

        private boolean bool() {
            blanks();
            for (String word : List.of("True", "False")) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("True");
                }
            }
            throw error("True or False is missing");
        }

        private List<Long> tuple() {
            List<Long> lengths = new ArrayList<>();
            boolean comma = true;
            expect('(');
            while (!skip(')')) {
                if (!comma || lengths.size() == MAX_RANK) {
                    throw error(comma ? "more than %d dimensions".formatted(MAX_RANK) : "a comma is missing");
                }
                lengths.add(number());
                comma = skip(',');
            }
            if (lengths.size() == 1 && !comma) {
                throw error("a number in parentheses is no tuple");
            }
            return lengths;
        }

        private long number() {
            blanks();
            int start = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            if (start == at) {
                throw error("a length that is no whole number");
            }
            if (at - start > 18) {
                throw error("a length of %d digits".formatted(at - start));
            }
            return Long.parseLong(text.substring(start, at));
        }

        private void expect(char wanted) {
            if (!skip(wanted)) {
                throw error("'%c' is missing".formatted(wanted));
            }
        }

        private boolean skip(char wanted) {
            blanks();
            boolean found = at < text.length() && text.charAt(at) == wanted;
            at += found ? 1 : 0;
            return found;
        }

        private void blanks() {
            while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\n' || text.charAt(at) == '\t')) {
                at++;
            }
        }

        private MalformedArrayException error(String what) {
            return new MalformedArrayException("has a damaged header: %s at character %d".formatted(what, at));
        }
    }
}

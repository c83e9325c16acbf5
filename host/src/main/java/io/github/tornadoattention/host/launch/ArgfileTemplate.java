package io.github.tornadoattention.host.launch;

import java.util.ArrayList;
import java.util.List;

/** The JVM options that an SDK's {@code tornado-argfile.template} lists, read as the java launcher reads an argfile. */
final class ArgfileTemplate {
    /** Options whose value may stand in a word of its own. */
    private static final List<String> WITH_VALUE = List.of("--module-path", "-p", "--upgrade-module-path", "--add-modules",
            "--add-exports", "--add-opens", "--add-reads", "--enable-native-access", "--patch-module", "--limit-modules");

    /** One option; the value is "" where it has none. */
    record Option(String name, String value) {}

    private ArgfileTemplate() {}

    /** The options in order. Names of long options come without {@code =}; their values come apart. */
    static List<Option> parse(String text) {
        List<Option> options = new ArrayList<>();
        List<String> words = words(text);
        for (int n = 0; n < words.size(); n++) {
            String word = words.get(n);
            int equals = word.startsWith("--") ? word.indexOf('=') : -1;
            if (equals > 0) {
                options.add(new Option(word.substring(0, equals), word.substring(equals + 1)));
            } else if (WITH_VALUE.contains(word) && n + 1 < words.size()) {
                options.add(new Option(word.equals("-p") ? "--module-path" : word, words.get(++n)));
            } else {
                options.add(new Option(word, ""));
            }
        }
        return options;
    }

    /** Words are parted by blanks, quotes keep blanks together, # begins a comment. */
    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        for (String line : text.lines().toList()) {
            StringBuilder word = new StringBuilder();
            char quote = 0;
            boolean begun = false;
            for (int at = 0; at < line.length(); at++) {
                char c = line.charAt(at);
                if (quote != 0) {
                    if (c == quote) {
                        quote = 0;
                    } else {
                        word.append(c);
                    }
                } else if (c == '"' || c == '\'') {
                    quote = c;
                    begun = true;
                } else if (Character.isWhitespace(c) || c == '#') {
                    if (begun) {
                        words.add(word.toString());
                        word.setLength(0);
                        begun = false;
                    }
                    if (c == '#') {
                        break;
                    }
                } else {
                    word.append(c);
                    begun = true;
                }
            }
            if (begun) {
                words.add(word.toString());
            }
        }
        return words;
    }
}

package io.github.tornadoattention.bench.minilm;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.InputStream;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * BERT's tokenizer for text of alphabets: lower case, no accents, words cut into the longest pieces that the vocabulary has.
 * Chinese characters are not set apart.
 */
final class WordPieces {
    private static final int LONGEST_WORD = 100;

    private final Map<?, ?> numbers;

    /** Reads a tokenizer.json. */
    WordPieces(InputStream json) throws IOException {
        Map<String, Object> file = JSON.std.mapFrom(json);
        numbers = (Map<?, ?>) ((Map<?, ?>) file.get("model")).get("vocab");
    }

    /** The numbers of a text's pieces between those of [CLS] and [SEP]. */
    int[] tokens(String text) {
        List<Integer> tokens = new ArrayList<>();
        tokens.add(number("[CLS]"));
        String plain = Normalizer.normalize(text.toLowerCase(Locale.ROOT), Normalizer.Form.NFD).replaceAll("\\p{Mn}", "");
        for (String word : plain.replaceAll("([\\p{Punct}\\p{P}])", " $1 ").strip().split("\\s+", -1)) {
            if (!word.isEmpty()) {
                cut(word, tokens);
            }
        }
        tokens.add(number("[SEP]"));
        return tokens.stream().mapToInt(Integer::intValue).toArray();
    }

    private void cut(String word, List<Integer> tokens) {
        List<Integer> pieces = new ArrayList<>();
        int from = 0;
        while (from < word.length() && word.length() <= LONGEST_WORD) {
            int end = word.length();
            while (end > from && !numbers.containsKey(piece(word, from, end))) {
                end--;
            }
            if (end == from) {
                break;
            }
            pieces.add(number(piece(word, from, end)));
            from = end;
        }
        if (from == word.length()) {
            tokens.addAll(pieces);
        } else {
            tokens.add(number("[UNK]"));
        }
    }

    private static String piece(String word, int from, int end) {
        return (from == 0 ? "" : "##") + word.substring(from, end);
    }

    private int number(String piece) {
        return ((Number) numbers.get(piece)).intValue();
    }
}

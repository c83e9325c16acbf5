package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers that are chosen on the command line: {@code 0,5,9-12}. */
final class Choice {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");

    private Choice() {}

    /**
     * The chosen numbers, in the order of the text.
     *
     * @param what what is chosen, as errors call it
     * @param count how many there are to choose from: 0 to {@code count - 1}
     * @throws UsageException if the text is no list of numbers and ranges, or one of them is not there
     */
    static int[] of(String what, String text, int count) {
        List<Integer> numbers = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            Matcher range = RANGE.matcher(part.strip());
            if (!range.matches()) {
                throw new UsageException("%s '%s': '%s' is neither a number nor a range such as 9-12".formatted(what, text,
                        part));
            }
            int first = Integer.parseInt(range.group(1));
            int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
            if (last < first) {
                throw new UsageException("%s '%s': %d-%d runs backwards".formatted(what, text, first, last));
            }
            if (last >= count) {
                throw new UsageException("%s '%s': there is no %d, they are 0..%d".formatted(what, text, last, count - 1));
            }
            for (int n = first; n <= last; n++) {
                numbers.add(n);
            }
        }
        return numbers.stream().mapToInt(Integer::intValue).toArray();
    }
}

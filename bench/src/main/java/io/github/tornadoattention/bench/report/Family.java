package io.github.tornadoattention.bench.report;

import io.github.tornadoattention.bench.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Results whose shapes differ in nothing but the length: of the same batch, or of the same number of tokens. What a curve over N
 * is made of.
 *
 * @param name the shape in words
 * @param results all of them, by rising length
 */
record Family(String name, List<Result> results) {
    private static final int FEWEST_LENGTHS = 2;

    /** The families of these results, with two lengths at least. */
    static List<Family> of(List<Result> results) {
        Map<String, List<Result>> byBatch = groups(results, "batch %s", result -> Plot.number(result.number("batch")));
        Map<String, List<Result>> byTokens = groups(results, "batch x N = %s",
                result -> Plot.number(result.number("batch") * result.number("seq_q")));
        List<Family> families = new ArrayList<>();
        for (Map<String, List<Result>> groups : List.of(byBatch, byTokens)) {
            groups.forEach((name, members) -> {
                // a shape belongs to the larger of its two families, if they are of different size
                List<Result> own = members.stream()
                        .filter(result -> lengths(members) >= FEWEST_LENGTHS
                                && lengths(members) >= largest(result, byBatch, byTokens))
                        .sorted(Comparator.comparingDouble(result -> result.number("seq_q")))
                        .toList();
                if (lengths(own) >= FEWEST_LENGTHS) {
                    families.add(new Family(name, own));
                }
            });
        }
        return families;
    }

    private interface Size {
        String of(Result result);
    }

    private static Map<String, List<Result>> groups(List<Result> results, String words, Size size) {
        Map<String, List<Result>> groups = new TreeMap<>();
        for (Result r : results) {
            if (r.number("seq_q") == r.number("seq_k")) {
                String name = words.formatted(size.of(r))
                        + ", %s heads, head dim %s%s".formatted(r.get("heads"), r.get("head_dim"), r.options(", "));
                groups.computeIfAbsent(name, key -> new ArrayList<>()).add(r);
            }
        }
        return groups;
    }

    private static int largest(Result result, Map<String, List<Result>> byBatch, Map<String, List<Result>> byTokens) {
        int largest = 0;
        for (Map<String, List<Result>> groups : List.of(byBatch, byTokens)) {
            for (List<Result> members : groups.values()) {
                if (members.contains(result)) {
                    largest = Math.max(largest, lengths(members));
                }
            }
        }
        return largest;
    }

    private static int lengths(List<Result> results) {
        TreeSet<Double> lengths = new TreeSet<>();
        results.forEach(result -> lengths.add(result.number("seq_q")));
        return lengths.size();
    }

    /** Whether it is the case that all others are made of: nothing masked, nothing dropped. */
    boolean plain() {
        return results.getFirst().options("").isEmpty();
    }

    /** Whether causality is all that is masked. */
    boolean causal() {
        return Data.isTrue(results.getFirst(), "causal") && !dropsOrMasks();
    }

    /** Whether probabilities are dropped or keys masked. */
    boolean dropsOrMasks() {
        return results.getFirst().number("dropout") > 0 || Data.isTrue(results.getFirst(), "key_mask");
    }

    /** The place in this list of the first device that has a curve here. */
    int rank(List<String> devices) {
        return Stream.of("forward", "both").flatMap(direction -> curves(direction).values().stream()).flatMap(List::stream)
                .mapToInt(result -> devices.indexOf(Data.device(result))).min().orElse(devices.size());
    }

    /** The device, if all was measured on one; "" if not: then the curves' names say where. */
    String device() {
        List<String> devices = results.stream().map(Data::device).distinct().toList();
        return devices.size() == 1 ? devices.getFirst() : "";
    }

    /** The curves of a direction: results by rising length for each backend, driver, algorithm and type. */
    Map<String, List<Result>> curves(String direction) {
        Map<String, List<Result>> curves = new LinkedHashMap<>();
        boolean devices = results.stream().map(result -> result.text("device")).distinct().count() > 1;
        for (Result result : results) {
            if (result.text("direction").equals(direction)) {
                String name = Data.who(result) + (result.text("dtype").equals("fp32") ? "" : " " + result.text("dtype"))
                        + (devices ? ", " + Data.device(result) : "");
                curves.computeIfAbsent(name, key -> new ArrayList<>()).add(result);
            }
        }
        curves.values().removeIf(curve -> lengths(curve) < FEWEST_LENGTHS);
        return curves;
    }
}

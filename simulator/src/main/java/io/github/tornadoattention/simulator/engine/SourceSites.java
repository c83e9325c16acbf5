package io.github.tornadoattention.simulator.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Numbers for places in the source, so that rewritten code can name them by a constant. Number 0 is the unknown place. */
public final class SourceSites {

    private static final List<String> PLACES = new ArrayList<>(List.of("an unknown line"));
    private static final Map<String, Integer> NUMBERS = new HashMap<>();

    private SourceSites() {
    }

    /** The number of a place; {@code call} tells apart places on one line. */
    public static synchronized int number(String className, String file, int line, int call) {
        return NUMBERS.computeIfAbsent(className + ":" + line + ":" + call, key -> {
            PLACES.add(file + ":" + line);
            return PLACES.size() - 1;
        });
    }

    /** File and line of a place. */
    static synchronized String describe(int number) {
        return PLACES.get(number);
    }
}

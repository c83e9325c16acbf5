package io.github.tornadoattention.host.cli;

import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What NVIDIA's profiler counted, from the file that {@code ncu --csv --metrics} {@link #METRICS} prints.
 *
 * @param launches the launches of kernels, in order
 */
public record ProfilerTraffic(List<Launch> launches) {
    static final String DRAM_READ = "dram__bytes_read.sum";
    static final String DRAM_WRITE = "dram__bytes_write.sum";
    /** Of 32 bytes each, between the first-level caches of all multiprocessors and the second-level cache. */
    static final String L2_SECTORS = "lts__t_sectors_srcunit_tex.sum";
    /** All that the second-level cache moved, between its own halves as well. */
    static final String L2 = "lts__t_bytes.sum";
    /** What the profiler is to count, as its option {@code --metrics} takes it. */
    public static final String METRICS = DRAM_READ + "," + DRAM_WRITE + "," + L2_SECTORS;

    private static final String ID = "ID";
    private static final List<String> COLUMNS = List.of("Kernel Name", "Metric Name", "Metric Unit", "Metric Value");
    private static final int SECTOR = 32;

    /**
     * One launch of a kernel.
     *
     * @param kernel the kernel's name
     * @param metrics bytes by metric
     */
    public record Launch(String kernel, Map<String, Double> metrics) {
        /** Bytes read from and written to device memory; NaN if they were not counted. */
        public double dramBytes() {
            return metrics.getOrDefault(DRAM_READ, Double.NaN) + metrics.getOrDefault(DRAM_WRITE, Double.NaN);
        }

        /**
         * Bytes between multiprocessors and second-level cache, or all that this moved where only that was counted; NaN if
         * neither was.
         */
        public double l2Bytes() {
            return metrics.getOrDefault(L2_SECTORS, metrics.getOrDefault(L2, Double.NaN));
        }
    }

    /** Copies the list. */
    public ProfilerTraffic {
        launches = List.copyOf(launches);
    }

    /**
     * Reads a file. Lines before the table, which are those of the program that was profiled, are skipped.
     *
     * @throws UsageException if it is unreadable or holds no such table
     */
    public static ProfilerTraffic read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new UsageException("%s cannot be read: %s"
                    .formatted(file, Files.exists(file) ? e.getMessage() : "no such file"), e);
        }
        List<String> head = List.of();
        Map<String, Launch> launches = new LinkedHashMap<>();
        for (String line : lines) {
            List<String> cells = cells(line);
            if (cells.containsAll(COLUMNS)) {
                head = cells;
            } else if (!head.isEmpty() && cells.size() == head.size()) {
                String kernel = cells.get(head.indexOf("Kernel Name"));
                String id = head.contains(ID) ? cells.get(head.indexOf(ID)) : kernel;
                double bytes = bytes(file, cells.get(head.indexOf("Metric Value")), cells.get(head.indexOf("Metric Unit")));
                launches.computeIfAbsent(id, next -> new Launch(kernel, new LinkedHashMap<>())).metrics()
                        .put(cells.get(head.indexOf("Metric Name")), bytes);
            }
        }
        if (launches.isEmpty()) {
            throw new UsageException("%s holds no table of ncu --csv with the columns %s"
                    .formatted(file, String.join(", ", COLUMNS)));
        }
        return new ProfilerTraffic(List.copyOf(launches.values()));
    }

    /** For each kernel, in the order of its first launch, bytes by metric, of its last launch. */
    Map<String, Map<String, Double>> kernels() {
        Map<String, Map<String, Double>> kernels = new LinkedHashMap<>();
        launches.forEach(launch -> kernels.put(launch.kernel(), launch.metrics()));
        return kernels;
    }

    private static double bytes(Path file, String value, String unit) {
        double factor = switch (unit.toLowerCase(Locale.ROOT)) {
            case "byte", "" -> 1;
            case "kbyte" -> 1e3;
            case "mbyte" -> 1e6;
            case "gbyte" -> 1e9;
            case "sector" -> SECTOR;
            default -> throw new UsageException("%s: unit '%s' of a metric is no size".formatted(file, unit));
        };
        try {
            return factor * Double.parseDouble(value.replace(",", ""));
        } catch (NumberFormatException e) {
            throw new UsageException("%s: '%s' is no number of bytes".formatted(file, value), e);
        }
    }

    /** The cells of a line; commas inside of quotes do not count. */
    private static List<String> cells(String line) {
        List<String> cells = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        for (char c : line.toCharArray()) {
            if (c == '"') {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        cells.add(cell.toString());
        return cells;
    }

    /** A table of it. */
    List<String> lines() {
        Table table = new Table().row("measured by ncu", "device memory read", "written", "second-level cache");
        kernels().forEach((name, metrics) -> table.row(name, bytes(metrics.get(DRAM_READ)), bytes(metrics.get(DRAM_WRITE)),
                bytes(metrics.getOrDefault(L2_SECTORS, metrics.get(L2)))));
        return table.lines();
    }

    private static String bytes(@Nullable Double counted) {
        return counted == null ? "" : Numbers.bytes(Math.round(counted));
    }
}

package io.github.tornadoattention.simulator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds lines of the test kernels by a comment at their end, so that tests name no line numbers. */
final class SourceLines {

    private static final Path KERNELS = Path.of("src/test/java/io/github/tornadoattention/simulator/kernels");

    private SourceLines() {
    }

    /** {@code File.java:line} of the line that ends with {@code // marker}; the kernel's class names the file. */
    static String of(String kernel, String marker) {
        String file = kernel.substring(0, kernel.indexOf('.')) + ".java";
        try {
            List<String> lines = Files.readAllLines(KERNELS.resolve(file));
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).endsWith("// " + marker)) {
                    return file + ":" + (i + 1);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new IllegalArgumentException("no line of " + file + " ends with // " + marker);
    }
}

package io.github.tornadoattention.simulator;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Describes, one line each, the public classes and members of the TornadoVM API that are found in class files, so that two
 * versions of them can be compared: what was compiled against one links with the other if the lines of the used part are the
 * same.
 *
 * <p>A line is {@code class NAME ...}, {@code field CLASS NAME ...} or {@code method CLASS NAME ...}; what follows holds
 * descriptor, flags, constant, generic signature and declared exceptions.
 */
public final class ApiSnapshot {

    private static final String API = "uk/ac/manchester/tornado/api";

    private ApiSnapshot() {
    }

    /**
     * Prints the part of one API that another one declares too: {@code ApiSnapshot REAL OURS}, each a jar or a folder of classes.
     * This is how the committed snapshot is made.
     */
    public static void main(String[] paths) throws IOException {
        if (paths.length != 2) {
            throw new IllegalArgumentException("usage: ApiSnapshot REAL OURS (jars or folders of class files)");
        }
        usedPart(lines(Path.of(paths[0])), lines(Path.of(paths[1]))).forEach(System.out::println);
    }

    /** All lines of the API classes in a jar or in a folder of class files, sorted. */
    public static List<String> lines(Path jarOrFolder) throws IOException {
        if (Files.isDirectory(jarOrFolder)) {
            return read(jarOrFolder.resolve(API));
        }
        try (FileSystem jar = FileSystems.newFileSystem(jarOrFolder)) {
            return read(jar.getPath("/" + API));
        }
    }

    /** The lines of {@code real} that concern a class or a member name that {@code ours} has: all overloads of it, too. */
    public static List<String> usedPart(List<String> real, List<String> ours) {
        Set<String> names = new HashSet<>();
        ours.forEach(line -> names.add(subject(line)));
        return real.stream().filter(line -> names.contains(subject(line))).toList();
    }

    /**
     * What stands between class files compiled against a snapshot and another version of the API; empty if they link and mean the
     * same.
     *
     * @param apiJarOrFolder the other version, for example the SDK's {@code tornado-api} jar
     * @param snapshot lines of the used part
     */
    public static List<String> differences(Path apiJarOrFolder, List<String> snapshot) throws IOException {
        List<String> there = usedPart(lines(apiJarOrFolder), snapshot);
        List<String> differences = new ArrayList<>();
        Set<String> both = new HashSet<>(there);
        snapshot.stream().filter(line -> !both.contains(line)).forEach(line -> differences.add("missing: " + line));
        both.removeAll(new HashSet<>(snapshot));
        new TreeSet<>(both).forEach(line -> differences.add("not expected: " + line));
        return differences;
    }

    /** The snapshot that was packed with the simulator. */
    public static List<String> committed() throws IOException {
        try (var in = ApiSnapshot.class.getResourceAsStream("tornado-api.snapshot")) {
            if (in == null) {
                throw new IOException("the simulator's jar holds no API snapshot");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith("#")).toList();
        }
    }

    /** Kind, class and, for a member, its name. */
    private static String subject(String line) {
        String[] words = line.split(" ", 4);
        return words[0].equals("class") ? words[0] + " " + words[1] : String.join(" ", words[0], words[1], words[2]);
    }

    private static List<String> read(Path folder) throws IOException {
        Set<String> lines = new TreeSet<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                lines.addAll(ApiClassFile.lines(Files.readAllBytes(file)));
            }
        }
        return List.copyOf(lines);
    }
}

package io.github.tornadoattention.host.launch;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Where a built checkout of this project keeps its jars.
 *
 * @param root the folder of the repository
 */
record Checkout(Path root) {
    /** The jars of the host and of what it needs, without the simulator. */
    List<Path> hostJars() {
        List<Path> jars = new ArrayList<>();
        jars.add(module("host"));
        jars.addAll(jars(root.resolve("host/target/lib"), "*.jar"));
        return jars;
    }

    /** The jars of the benchmarks and of what they need, without the simulator. */
    List<Path> benchJars() {
        Path benchmarks = root.resolve("bench/target/benchmarks.jar");
        if (!Files.isRegularFile(benchmarks)) {
            throw new LaunchException("bench is not built: run mvn package -DskipTests in %s".formatted(root));
        }
        List<Path> jars = new ArrayList<>();
        jars.add(benchmarks);
        jars.addAll(jars(root.resolve("bench/target/lib"), "*.jar"));
        return jars;
    }

    /** The simulator: class library and agent in one. */
    Path simulatorJar() {
        return module("simulator");
    }

    private Path module(String name) {
        for (Path jar : jars(root.resolve(name + "/target"), name + "-*.jar")) {
            String file = jar.getFileName().toString();
            if (!file.endsWith("-sources.jar") && !file.endsWith("-javadoc.jar") && !file.endsWith("-tests.jar")) {
                return jar;
            }
        }
        throw new LaunchException("%s is not built: run mvn package -DskipTests in %s".formatted(name, root));
    }

    /** The files of a folder that match, in alphabetical order; none if there is no such folder. */
    static List<Path> jars(Path folder, String glob) {
        List<Path> jars = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, glob)) {
                files.forEach(jars::add);
            } catch (IOException e) {
                throw new LaunchException("%s cannot be read: %s".formatted(folder, e.getMessage()));
            }
        }
        Collections.sort(jars);
        return jars;
    }
}

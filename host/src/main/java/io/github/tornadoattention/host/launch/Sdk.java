package io.github.tornadoattention.host.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A TornadoVM SDK that has been looked at: folder, version, drivers and argfile template are there and fit together.
 *
 * @param home the folder that TORNADOVM_HOME names
 * @param version as the SDK states it, {@code 5.2.0-jdk25}
 * @param drivers the backends that can be started: {@code opencl}, {@code cuda}, {@code ptx}, {@code spirv}, {@code metal}
 * @param options the options of its argfile template
 */
public record Sdk(Path home, String version, List<String> drivers, List<ArgfileTemplate.Option> options) {
    /** The version this project is built and tested with. */
    public static final String NEEDED = "5.2.0-jdk25";

    private static final String ADVICE =
            "; install TornadoVM " + NEEDED + " (SDKMAN or its releases on GitHub) and set TORNADOVM_HOME to its folder, "
                    + "or unset TORNADOVM_HOME";
    private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+)\\.(\\d+)-jdk(\\d+).*");

    private static final Pattern DRIVER = Pattern.compile("tornado-drivers-(?!common)([a-z]+)-.*\\.jar");

    /** Jars that SDKs carry for their own tests and benchmarks; on the module path they would hide newer ones of ours. */
    private static final List<String> SHADOWING = List.of(
            "jmh-", "jopt-simple-", "junit-", "hamcrest-", "tornado-unittests-", "tornado-benchmarks-", "tornado-examples-");

    /**
     * Looks at the SDK in this folder.
     *
     * @throws LaunchException with one line that names what is wrong and what to do
     */
    public static Sdk at(Path folder) {
        Path home = folder.toAbsolutePath().normalize();
        require(Files.exists(home), home, "no such folder");
        require(Files.isDirectory(home), home, "not a folder");
        Path template = home.resolve("tornado-argfile.template");
        if (!Files.isRegularFile(template)) {
            Path inside = home.resolve("bin/sdk");
            boolean parent = Files.exists(inside.resolve("tornado-argfile.template"));
            require(!parent, home, "it holds the SDK in bin/sdk: set TORNADOVM_HOME to " + inside);
            throw problem(home, "it has no tornado-argfile.template, so it is no complete SDK");
        }
        String version = version(home);
        requireVersion(home, version);
        apiJar(home);
        List<String> jars = drivers(home);
        require(!jars.isEmpty(), home, "it has no driver (share/java/tornado/tornado-drivers-*.jar)");
        List<ArgfileTemplate.Option> options = ArgfileTemplate.parse(read(template));
        List<String> drivers = listed(options);
        require(!drivers.isEmpty(), home, "its tornado-argfile.template names no driver");
        for (String driver : drivers) {
            require(jars.contains(driver), home, "its tornado-argfile.template names driver %s, but %s is missing"
                    .formatted(driver, "share/java/tornado/tornado-drivers-" + driver + "-*.jar"));
        }
        require(Files.isDirectory(home.resolve("lib")), home, "its folder lib (the native libraries) is missing");
        return new Sdk(home, version, drivers, options);
    }

    /** The jar of the API that kernels and host are compiled against. */
    public Path apiJar() {
        return apiJar(home);
    }

    /** Whether a module of this SDK is started with it. */
    boolean starts(String module) {
        return modules(options).anyMatch(module::equals);
    }

    /** The JVM options that start this SDK on a JDK, class path and main class excluded. */
    public List<String> jvmOptions() {
        List<String> words = new ArrayList<>();
        for (ArgfileTemplate.Option option : options) {
            switch (option.name()) {
                case "--module-path" -> words.addAll(List.of("--module-path", modulePath()));
                case "--upgrade-module-path" -> {
                    if (!isGraal()) {
                        words.addAll(List.of("--upgrade-module-path", home.resolve("share/java/graalJars").toString()));
                    }
                }
                default -> words.add(moved(option));
            }
        }
        return words;
    }

    private String moved(ArgfileTemplate.Option option) {
        if (option.name().startsWith("-Djava.library.path=")) {
            return "-Djava.library.path=" + home.resolve("lib");
        }
        String word = option.value().isEmpty() ? option.name() : option.name() + "=" + option.value();
        return word.replace("${TORNADOVM_HOME}", home.toString());
    }

    /**
     * The SDK's jars one by one: without the working folder, without what shadows ours, without drivers that nobody exports to.
     */
    private String modulePath() {
        List<Path> jars = new ArrayList<>(Checkout.jars(home.resolve("share/java/tornado"), "*.jar"));
        jars.removeIf(jar -> {
            String name = jar.getFileName().toString();
            Matcher driver = DRIVER.matcher(name);
            return SHADOWING.stream().anyMatch(name::startsWith) || driver.matches() && !drivers.contains(driver.group(1));
        });
        return jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    private static List<String> drivers(Path home) {
        List<String> drivers = new ArrayList<>();
        for (Path jar : Checkout.jars(home.resolve("share/java/tornado"), "tornado-drivers-*.jar")) {
            Matcher match = DRIVER.matcher(jar.getFileName().toString());
            if (match.matches()) {
                drivers.add(match.group(1));
            }
        }
        return drivers;
    }

    private static List<String> listed(List<ArgfileTemplate.Option> options) {
        String prefix = "tornado.drivers.";
        return modules(options)
                .filter(module -> module.startsWith(prefix) && !module.equals(prefix + "common"))
                .map(module -> module.substring(prefix.length()))
                .toList();
    }

    private static Stream<String> modules(List<ArgfileTemplate.Option> options) {
        return options.stream()
                .filter(option -> option.name().equals("--add-modules"))
                .flatMap(option -> Arrays.stream(option.value().split(",")));
    }

    private static String version(Path home) {
        Path release = home.resolve("etc/tornado.release");
        if (Files.isRegularFile(release)) {
            for (String line : read(release).lines().toList()) {
                if (line.startsWith("version=")) {
                    return line.substring("version=".length()).strip();
                }
            }
        }
        String name = apiJar(home).getFileName().toString();
        return name.substring("tornado-api-".length(), name.length() - ".jar".length());
    }

    private static Path apiJar(Path home) {
        List<Path> jars = Checkout.jars(home.resolve("share/java/tornado"), "tornado-api-*.jar");
        require(!jars.isEmpty(), home, "share/java/tornado/tornado-api-*.jar is missing");
        return jars.getFirst();
    }

    private static void requireVersion(Path home, String version) {
        Matcher match = VERSION.matcher(version);
        boolean fits = match.matches()
                && match.group(4).equals("25")
                && (Integer.parseInt(match.group(1)) > 5 || match.group(1).equals("5") && Integer.parseInt(match.group(2)) >= 2);
        require(fits, home, "it is TornadoVM %s, %s is needed".formatted(version, NEEDED));
    }

    private static boolean isGraal() {
        return System.getProperty("java.vendor.version", "").contains("GraalVM");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new LaunchException("%s cannot be read: %s".formatted(file, e.getMessage()));
        }
    }

    private static void require(boolean holds, Path home, String otherwise) {
        if (!holds) {
            throw problem(home, otherwise);
        }
    }

    private static LaunchException problem(Path home, String what) {
        return new LaunchException("TORNADOVM_HOME=%s: %s%s".formatted(home, what, ADVICE));
    }
}

package io.github.tornadoattention.host.launch;

import java.io.File;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The command line of the JVM that does the work, as a list of words. */
public final class CommandLine {
    /** The command line's main class. */
    public static final String MAIN = "io.github.tornadoattention.host.cli.Main";

    /** The benchmarks' main class. */
    public static final String BENCH_MAIN = "io.github.tornadoattention.bench.Main";

    /** System property of the launcher: {@code bench} to run the benchmarks and not the command line tool. */
    public static final String TOOL_PROPERTY = "attention.tool";

    /** System property: the folder of the checkout that the JVM was started from. */
    public static final String ROOT_PROPERTY = "attention.root";

    /** System property: the file descriptor of the real stderr while the JVM's own start-up warnings go nowhere. */
    public static final String STDERR_PROPERTY = "attention.stderr";

    /** The module with TornadoVM's own attention, which the benchmarks compare with. */
    private static final String CUDNN = "tornado.cudnn";

    private static final String VECTORS = "jdk.incubator.vector";

    /** The descriptor that scripts/attention leaves the real stderr on. */
    private static final int SPARE_DESCRIPTOR = 9;

    private final Checkout checkout;
    private final Map<String, String> environment;
    private final Path jdk;
    private final boolean bench;

    /**
     * Command lines for a checkout.
     *
     * @param root the folder of the repository, built
     * @param environment the environment's variables
     * @param jdk the home of the JDK to run on
     * @param bench whether to run the benchmarks and not the command line tool
     */
    public CommandLine(Path root, Map<String, String> environment, Path jdk, boolean bench) {
        this.checkout = new Checkout(root);
        this.environment = environment;
        this.jdk = jdk;
        this.bench = bench;
    }

    private List<Path> jars() {
        return bench ? checkout.benchJars() : checkout.hostJars();
    }

    /**
     * The words that run the command line tool with these arguments.
     *
     * @throws LaunchException if TornadoVM is wanted and TORNADOVM_HOME or the JDK does not fit
     */
    public List<String> of(List<String> arguments) {
        Request request = Request.of(arguments);
        String home = environment.getOrDefault("TORNADOVM_HOME", "");
        List<String> words = request.usesTornado() && !home.isBlank()
                ? onSdk(Sdk.at(Path.of(home)), jars())
                : onSimulator(request);
        if (request.usesVectors() && ModuleFinder.ofSystem().find(VECTORS).isPresent()) {
            // the JVM warns about every incubator module; see STDERR_PROPERTY
            words.addAll(List.of("--add-modules", VECTORS));
            words.add("-D%s=%d".formatted(STDERR_PROPERTY, SPARE_DESCRIPTOR));
        }
        words.addAll(request.jvmOptions());
        words.add(bench ? BENCH_MAIN : MAIN);
        words.addAll(request.arguments());
        return words;
    }

    private List<String> onSimulator(Request request) {
        List<Path> jars = new ArrayList<>(jars());
        jars.add(checkout.simulatorJar());
        List<String> words = start();
        if (request.usesSimulator()) {
            words.add("-javaagent:" + checkout.simulatorJar());
            words.add("--add-exports=java.base/jdk.internal.vm=ALL-UNNAMED");
        }
        words.add("--enable-native-access=ALL-UNNAMED");
        words.addAll(common(jars));
        return words;
    }

    private List<String> onSdk(Sdk sdk, List<Path> jars) {
        requireJvmci();
        List<String> words = start();
        words.addAll(sdk.jvmOptions());
        words.add("--enable-native-access=ALL-UNNAMED");
        // the templates of some drivers leave this out, and the JVM then warns
        sdk.drivers().forEach(driver -> words.add("--enable-native-access=tornado.drivers." + driver));
        if (sdk.starts(CUDNN)) {
            words.add("--enable-native-access=" + CUDNN);
        }
        // a kernel that fails to compile must fail, not run as sequential Java
        words.add("-Dtornado.recover.bailout=False");
        words.add("-Dtornado.device.memory=%dMB".formatted(
                Memory.ofDevice(environment, checkout.root().resolve("host/target/device-memory")) >> 20));
        words.addAll(common(jars));
        return words;
    }

    private List<String> start() {
        return new ArrayList<>(List.of(jdk.resolve("bin/java").toString()));
    }

    private List<String> common(List<Path> jars) {
        return List.of(
                // tensors are off-heap; the default limit for that is the heap's
                "-XX:MaxDirectMemorySize=" + Memory.ofMachine(),
                "-D%s=%s".formatted(ROOT_PROPERTY, checkout.root()),
                "-cp",
                jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
    }

    private void requireJvmci() {
        Runtime.Version version = Runtime.version();
        if (version.feature() != 25 || version.interim() == 0 && version.update() < 2) {
            throw new LaunchException("TornadoVM %s needs JDK 25, 25.0.2 or later, %s is %s: install one and set JAVA_HOME to it"
                    .formatted(Sdk.NEEDED, jdk, version));
        }
    }
}

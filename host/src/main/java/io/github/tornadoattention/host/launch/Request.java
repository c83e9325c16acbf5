package io.github.tornadoattention.host.launch;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What the arguments of the command line mean for the JVM that is to run them.
 *
 * @param command the first word that is no option, "" if there is none
 * @param backend the backend asked for, {@code auto} if none is
 * @param jvmOptions options for the JVM, given as {@code -J<option>}
 * @param arguments everything else, in order
 */
record Request(String command, String backend, List<String> jvmOptions, List<String> arguments) {
    /** Backends that run without TornadoVM. */
    private static final Set<String> ON_THE_JVM = Set.of("simulator", "cpu", "reference");

    /** Commands, of both tools, that compute something on a device or list devices. */
    private static final Set<String> ON_A_DEVICE = Set.of("demo", "run", "verify", "devices", "tune", "device", "paper", "random",
            "decode", "profile", "cudnn");

    /** Commands that run on everything there is unless told otherwise, on the simulator too. */
    private static final Set<String> ON_EVERY_DEVICE = Set.of("device", "paper");

    static Request of(List<String> arguments) {
        List<String> jvmOptions = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (String argument : arguments) {
            if (argument.startsWith("-J") && argument.length() > 2) {
                jvmOptions.add(argument.substring(2));
            } else {
                others.add(argument);
            }
        }
        String command = others.stream().filter(argument -> !argument.startsWith("-")).findFirst().orElse("");
        return new Request(command, backend(others), jvmOptions, others);
    }

    private static String backend(List<String> arguments) {
        String backend = "auto";
        for (int n = 0; n < arguments.size(); n++) {
            if (arguments.get(n).startsWith("--backend=")) {
                backend = arguments.get(n).substring("--backend=".length());
            } else if (arguments.get(n).equals("--backend") && n + 1 < arguments.size()) {
                backend = arguments.get(n + 1);
            }
        }
        return backend;
    }

    /** Whether the SDK is wanted if there is one. */
    boolean usesTornado() {
        boolean asksForHelp = arguments.contains("--help") || arguments.contains("-h");
        return ON_A_DEVICE.contains(command) && !ON_THE_JVM.contains(backend) && !asksForHelp;
    }

    /** Whether kernels may run on the simulator, whose agent then has to see them being loaded. */
    boolean usesSimulator() {
        return backend.equals("simulator") || ON_EVERY_DEVICE.contains(command)
                && (backend.equals("auto") || backend.equals("all"));
    }

    /** Whether the Vector API may be used. */
    boolean usesVectors() {
        return ON_A_DEVICE.contains(command) && !backend.equals("simulator") && !backend.equals("reference");
    }
}

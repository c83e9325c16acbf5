package io.github.tornadoattention.simulator;

import io.github.tornadoattention.simulator.agent.KernelTransformer;
import java.lang.constant.ConstantDescs;
import java.lang.instrument.Instrumentation;
import java.lang.instrument.UnmodifiableClassException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Rewrites kernel classes as they are loaded: barriers get numbers that stand for source lines, loops a budget and, while
 * watching, accesses to Java arrays are reported. Set by {@code -javaagent:simulator.jar}.
 */
public final class Agent {

    private static Instrumentation instrumentation;
    private static KernelTransformer transformer;

    private Agent() {
    }

    /** Called by the JVM before {@code main}. */
    public static void premain(String arguments, Instrumentation jvm) {
        // On JDK 25.0.3 the first MethodTypeDesc fails unless this class is initialized before it.
        ConstantDescs.CD_int.descriptorString();
        exportContinuations(jvm);
        transformer = new KernelTransformer(Boolean.getBoolean("simulator.watch"));
        jvm.addTransformer(transformer, true);
        instrumentation = jvm;
    }

    private static void exportContinuations(Instrumentation jvm) {
        Module user = ClassLoader.getSystemClassLoader().getUnnamedModule();
        Map<String, Set<Module>> exports = Map.of("jdk.internal.vm", Set.of(user));
        jvm.redefineModule(Object.class.getModule(), Set.of(), exports, Map.of(), Set.of(), Map.of());
    }

    /** Whether the JVM was started with this agent. */
    static boolean isLoaded() {
        return instrumentation != null;
    }

    /** Rewrites the kernels that are loaded already, with or without watching. */
    static void rewrite(boolean watch) {
        if (instrumentation != null) {
            transformer.watch(watch);
            rewrite(transformer.kernelClasses());
        }
    }

    /** Rewrites classes that were loaded before anybody knew that a kernel calls them. */
    static void rewriteLateKernels() {
        if (instrumentation != null) {
            Set<String> late = transformer.takeLateClasses();
            if (!late.isEmpty()) {
                rewrite(late);
            }
        }
    }

    private static void rewrite(Set<String> names) {
        List<Class<?>> classes = new java.util.ArrayList<>();
        for (Class<?> type : instrumentation.getAllLoadedClasses()) {
            if (names.contains(type.getName()) && instrumentation.isModifiableClass(type)) {
                classes.add(type);
            }
        }
        if (classes.isEmpty()) {
            return;
        }
        try {
            instrumentation.retransformClasses(classes.toArray(Class<?>[]::new));
        } catch (UnmodifiableClassException e) {
            throw new IllegalStateException("a kernel class cannot be rewritten", e);
        }
    }
}

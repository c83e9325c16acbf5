package io.github.tornadoattention.simulator.agent;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.instrument.ClassFileTransformer;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Picks the classes that hold kernels, or methods that kernels call, and rewrites those methods. */
public final class KernelTransformer implements ClassFileTransformer {

    private static final String CONTEXT = "uk/ac/manchester/tornado/api/KernelContext";
    private static final String PARALLEL = "uk/ac/manchester/tornado/api/annotations/Parallel";
    private static final Set<String> OWN_PACKAGES = Set.of("io/github/tornadoattention/simulator",
            "io/github/tornadoattention/simulator/engine", "io/github/tornadoattention/simulator/agent");

    /** Methods of other classes that kernels call: class to name with descriptor. */
    private final Map<String, Set<String>> called = new ConcurrentHashMap<>();
    private final Set<String> loaded = ConcurrentHashMap.newKeySet();
    private final Set<String> kernels = ConcurrentHashMap.newKeySet();
    private final Set<String> late = ConcurrentHashMap.newKeySet();
    private volatile boolean watch;

    /** {@code watch}: whether accesses to Java arrays are reported. */
    public KernelTransformer(boolean watch) {
        this.watch = watch;
    }

    /** Turns the reporting of array accesses on or off for classes that are rewritten from now on. */
    public void watch(boolean on) {
        watch = on;
    }

    /** Names of the classes that have been rewritten. */
    public Set<String> kernelClasses() {
        return Set.copyOf(kernels);
    }

    /** Names of classes that were loaded before a kernel that calls them was seen; the set is emptied. */
    public Set<String> takeLateClasses() {
        if (late.isEmpty()) {
            return Set.of();
        }
        Set<String> taken = new HashSet<>(late);
        late.removeAll(taken);
        return taken;
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] bytes) {
        if (loader == null || name == null || isForeign(name)) {
            return null;
        }
        loaded.add(name);
        if (!called.containsKey(name) && !mentionsKernels(bytes)) {
            return null;
        }
        try {
            return rewritten(loader, name, bytes);
        } catch (RuntimeException | LinkageError e) {
            // The JVM would swallow this and run the class as it is.
            System.err.println("simulator: cannot rewrite " + name + ", its kernels are not watched: " + e);
            return null;
        }
    }

    private byte[] rewritten(ClassLoader loader, String name, byte[] bytes) {
        ClassFile files = ClassFile.of(ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(loader).orElse(ClassHierarchyResolver.defaultResolver())));
        ClassModel model = files.parse(bytes);
        KernelMethods methods = KernelMethods.of(model, called.getOrDefault(name, Set.of()));
        if (methods.isEmpty()) {
            return null;
        }
        kernels.add(name.replace('/', '.'));
        methods.calls().forEach(this::remember);
        return files.transformClass(model, KernelRewriter.of(model, methods, watch));
    }

    private void remember(String owner, Set<String> ownersMethods) {
        if (isForeign(owner)) {
            return;
        }
        boolean added = called.computeIfAbsent(owner, key -> ConcurrentHashMap.newKeySet()).addAll(ownersMethods);
        if (added && loaded.contains(owner)) {
            late.add(owner.replace('/', '.'));
        }
    }

    private static boolean mentionsKernels(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        return text.contains(CONTEXT) || text.contains(PARALLEL);
    }

    private static boolean isForeign(String name) {
        return name.startsWith("java/") || name.startsWith("jdk/") || name.startsWith("sun/") || name.startsWith("com/sun/")
                || name.startsWith("uk/ac/manchester/tornado/")
                || OWN_PACKAGES.contains(name.substring(0, Math.max(0, name.lastIndexOf('/'))));
    }
}

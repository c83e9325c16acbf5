package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.launch.Sdk;
import io.github.tornadoattention.host.tornado.Platform;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * TornadoVM's module {@code tornado.cudnn}, whose {@code sdpaForward} is cuDNN's attention as a task of a graph. It is reached by
 * reflection, because this project is compiled without the module, and against an API whose graphs take no library's tasks.
 */
final class CudnnLibrary {
    private static final String TASKS = "uk.ac.manchester.tornado.cudnn.CuDnn";
    private static final String NATIVE = "uk.ac.manchester.tornado.cudnn.provider.CuDnnNativeLib";
    /** A function of one argument that describes a task. */
    private static final String FUNCTION = "uk.ac.manchester.tornado.api.common.TornadoFunctions$LibraryTask1";
    private static final String DRIVER = "cuda";

    private final Method sdpaForward;
    private final Class<?> function;
    private final Method libraryTask;
    private final String version;

    private CudnnLibrary(Method sdpaForward, Class<?> function, Method libraryTask, String version) {
        this.sdpaForward = sdpaForward;
        this.function = function;
        this.libraryTask = libraryTask;
        this.version = version;
    }

    /**
     * That of this JVM.
     *
     * @throws UnavailableException if something of it is missing; the message says what
     */
    static CudnnLibrary here() {
        return of(CudnnLibrary.class.getClassLoader(), TaskGraph.class);
    }

    /**
     * Loads the module's classes and its native library.
     *
     * @param graphs the class of graphs that take a library's tasks
     * @throws UnavailableException if something of it is missing; the message says what
     */
    static CudnnLibrary of(ClassLoader loader, Class<?> graphs) {
        try {
            Class<?> function = Class.forName(FUNCTION, false, loader);
            Method sdpaForward = Class.forName(TASKS, true, loader).getMethod("sdpaForward",
                    HalfFloatArray.class, HalfFloatArray.class, HalfFloatArray.class, HalfFloatArray.class,
                    int.class, int.class, int.class, int.class, int.class, float.class, boolean.class);
            String version = version(Class.forName(NATIVE, true, loader));
            Method libraryTask = graphs.getMethod("libraryTask", String.class, function, Object.class);
            return new CudnnLibrary(sdpaForward, function, libraryTask, version);
        } catch (ClassNotFoundException e) {
            throw unavailable("this SDK has no module tornado.cudnn (class %s)".formatted(e.getMessage()), e);
        } catch (NoSuchMethodException e) {
            throw unavailable("this SDK has another API than TornadoVM %s (%s)".formatted(Sdk.NEEDED, e.getMessage()), e);
        } catch (InvocationTargetException e) {
            throw unavailable(Timed.reason(e.getCause() == null ? e : e.getCause()), e);
        } catch (IllegalAccessException e) {
            throw unavailable(Timed.reason(e), e);
        }
    }

    /** Version of cuDNN. */
    private static String version(Class<?> library)
            throws NoSuchMethodException, InvocationTargetException, IllegalAccessException {
        opened(library, "load").invoke(null);
        long number = (long) opened(library, "cudnnGetVersionNative").invoke(null);
        return "%d.%d.%d".formatted(number / 10_000, number / 100 % 100, number % 100);
    }

    private static Method opened(Class<?> library, String name) throws NoSuchMethodException {
        Method method = library.getDeclaredMethod(name);
        method.setAccessible(true);
        return method;
    }

    /**
     * The first device that runs cuDNN.
     *
     * @throws UnavailableException if none of these does
     */
    static Platform.Device device(List<Platform.Device> devices) {
        if (devices.stream().allMatch(Platform.Device::simulated)) {
            throw new UnavailableException(CudnnBench.MISSING + "TORNADOVM_HOME names no SDK");
        }
        return devices.stream().filter(device -> device.driverName().equals(DRIVER) && device.nvidia()).findFirst()
                .orElseThrow(() -> new UnavailableException(CudnnBench.MISSING
                        + "it needs an NVIDIA GPU and an SDK with the driver %s, here is %s".formatted(DRIVER, devices.stream()
                                .map(device -> device.driverName() + " with " + device.description())
                                .collect(Collectors.joining(", ")))));
    }

    private static UnavailableException unavailable(String reason, Throwable cause) {
        return new UnavailableException(CudnnBench.MISSING + reason, cause);
    }

    String version() {
        return version;
    }

    /**
     * Adds an attention to a graph.
     *
     * @param spec float16, with as many heads of keys as of queries and no option but causal
     */
    void addTo(Object graph, String task, AttentionSpec spec, Tensor q, Tensor k, Tensor v, Tensor out) {
        Object described = invoke(sdpaForward, null, q.array(), k.array(), v.array(), out.array(), spec.batch(), spec.heads(),
                spec.seqQ(), spec.seqK(), spec.headDim(), (float) spec.scale(), spec.causal() != Causal.NONE);
        Object describing = Proxy.newProxyInstance(function.getClassLoader(), new Class<?>[] {function},
                (proxy, method, words) -> described);
        invoke(libraryTask, graph, task, describing, spec);
    }

    private static Object invoke(Method method, @Nullable Object on, Object... arguments) {
        try {
            return method.invoke(on, arguments);
        } catch (InvocationTargetException e) {
            throw new DeviceException(Timed.reason(e.getCause() == null ? e : e.getCause()), e);
        } catch (IllegalAccessException e) {
            throw new DeviceException(Timed.reason(e), e);
        }
    }
}

package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.KernelFault.Place;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Turns what a kernel threw into a report, with the names that only its stack trace holds. */
final class Faults {

    private static final String TASK_GRAPH = TaskGraph.class.getName();
    private static final String API = "uk.ac.manchester.tornado.api.";
    private static final Set<String> OWN_PACKAGES = Set.of("io.github.tornadoattention.simulator",
            "io.github.tornadoattention.simulator.engine", "io.github.tornadoattention.simulator.agent");

    private final String task;
    private final ClassLoader loader;
    private final Object[] arguments;
    private String kernel;

    /** {@code arguments} are the device's; {@code loader} is the one that knows the kernel's class. */
    Faults(String task, ClassLoader loader, Object[] arguments) {
        this.task = task;
        this.loader = loader;
        this.arguments = arguments;
    }

    /** Remembers the kernel's name from inside a call of it, for faults that come without a stack trace. */
    void learnKernel() {
        if (kernel == null) {
            StackTraceElement frame = kernelFrame(new Throwable().getStackTrace());
            kernel = frame == null ? null : nameOf(frame);
        }
    }

    KernelFault divergence(Kind kind, String what, Place group, List<Place> items, String source) {
        return new KernelFault(kind, what, new KernelFault.Site(task, kernel, group, items, source), null);
    }

    KernelFault ofThrown(Throwable thrown, Place group, List<Place> items) {
        StackTraceElement[] trace = thrown.getStackTrace();
        StackTraceElement kernelFrame = kernelFrame(trace);
        StackTraceElement line = userFrame(trace);
        Kind kind = Kind.EXCEPTION;
        String what;
        switch (thrown) {
            case VirtualMachineError fatal when !(fatal instanceof StackOverflowError) -> throw fatal;
            case Violation violation -> {
                kind = violation.kind();
                what = violation.array() == null ? violation.getMessage()
                        : violation.getMessage().replace(Violation.ARRAY, describe(violation.array(), kernelFrame));
            }
            case OutsideArrayException outside -> {
                kind = Kind.OUT_OF_BOUNDS;
                what = (outside.write() ? "write to" : "read of") + " index " + outside.index() + " of "
                        + describe(outside.array(), kernelFrame) + " with " + outside.array().getSize() + " elements";
            }
            case ArrayIndexOutOfBoundsException outside -> {
                kind = Kind.OUT_OF_BOUNDS;
                what = "a local or private array: " + outside.getMessage();
            }
            default -> what = thrown.getClass().getSimpleName() + ": " + thrown.getMessage();
        }
        String name = kernelFrame == null ? kernel : nameOf(kernelFrame);
        String source = line == null ? null : line.getFileName() + ":" + line.getLineNumber();
        return new KernelFault(kind, what, new KernelFault.Site(task, name, group, items, source), thrown);
    }

    @SuppressWarnings("ReferenceEquality") // the very same array, not an equal one
    private String describe(TornadoNativeArray array, StackTraceElement kernelFrame) {
        String type = array.getClass().getSimpleName();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] == array) {
                return type + " " + parameterName(kernelFrame, i) + "(argument " + i + ")";
            }
        }
        return type;
    }

    /** The name in the source, with a blank, or nothing where the class file does not tell. */
    private String parameterName(StackTraceElement kernelFrame, int position) {
        if (kernelFrame == null) {
            return "";
        }
        try {
            for (Method method : Class.forName(kernelFrame.getClassName(), false, loader).getDeclaredMethods()) {
                if (method.getName().equals(kernelFrame.getMethodName()) && method.getParameterCount() == arguments.length
                        && method.getParameters()[position].isNamePresent()) {
                    return "'" + method.getParameters()[position].getName() + "' ";
                }
            }
        } catch (ClassNotFoundException | LinkageError unknown) {
            return "";
        }
        return "";
    }

    private static StackTraceElement userFrame(StackTraceElement[] trace) {
        for (StackTraceElement frame : trace) {
            if (isUsers(frame)) {
                return frame;
            }
        }
        return null;
    }

    /** The outermost frame of the user's below the call that the task graph made. */
    private static StackTraceElement kernelFrame(StackTraceElement[] trace) {
        StackTraceElement kernelFrame = null;
        for (StackTraceElement frame : trace) {
            if (frame.getClassName().equals(TASK_GRAPH)) {
                return kernelFrame;
            }
            if (isUsers(frame)) {
                kernelFrame = frame;
            }
        }
        return kernelFrame;
    }

    private static boolean isUsers(StackTraceElement frame) {
        String name = frame.getClassName();
        return !name.startsWith("java.") && !name.startsWith("jdk.") && !name.startsWith(API)
                && !OWN_PACKAGES.contains(name.substring(0, Math.max(0, name.lastIndexOf('.'))));
    }

    private static String nameOf(StackTraceElement frame) {
        String className = frame.getClassName();
        return className.substring(className.lastIndexOf('.') + 1) + "." + frame.getMethodName();
    }
}

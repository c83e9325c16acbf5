package io.github.tornadoattention.host.cpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Where in a {@code float[]} a cache line starts. A vector that crosses two lines takes two loads, and with 64-byte vectors
 * every one does unless the array's first vector is put where a line starts: a quarter of the speed of a product.
 *
 * <p>The answer holds until the garbage collector moves the array, and matters for speed only. It is the address of the array,
 * seen from C: {@code memcpy} of no bytes returns its first argument. Where the JVM would warn about calling C, the answer is
 * that of a large array under G1.
 */
final class Alignment {
    /** Floats in a cache line. */
    static final int LINE = 16;

    private static final int LINE_BYTES = LINE * Float.BYTES;
    private static final int USUAL_SHIFT = 12;
    private static final @Nullable MethodHandle MEMCPY = memcpy();

    private Alignment() {}

    private static @Nullable MethodHandle memcpy() {
        if (!Alignment.class.getModule().isNativeAccessEnabled()) {
            return null;
        }
        try {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("memcpy"),
                    FunctionDescriptor.of(
                            ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG),
                    Linker.Option.critical(true));
        } catch (RuntimeException noSuchLinker) {
            return null;
        }
    }

    /** The index, 0..15, of the first float of the array that starts a cache line. */
    static int shift(float[] a) {
        if (MEMCPY == null) {
            return USUAL_SHIFT;
        }
        try {
            MemorySegment array = MemorySegment.ofArray(a);
            long address = ((MemorySegment) MEMCPY.invokeExact(array, array, 0L)).address();
            return (int) (-address & (LINE_BYTES - 1)) / Float.BYTES;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}

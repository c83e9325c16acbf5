package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.kernels.Extent;
import io.github.tornadoattention.kernels.Launch;
import io.github.tornadoattention.kernels.LocalTile;
import java.lang.reflect.Method;
import java.util.Arrays;

/** The launch contract of a kernel, read from its {@link Launch} annotation: how many groups, how much local memory. */
record Contract(String kernel, Launch launch) {
    /** The contract of the one annotated method of a kernel class. */
    static Contract of(Class<?> kernelClass) {
        Method method = Arrays.stream(kernelClass.getDeclaredMethods())
                .filter(m -> m.isAnnotationPresent(Launch.class))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(kernelClass.getName() + " has no method with a launch contract"));
        return new Contract(kernelClass.getSimpleName(), method.getAnnotation(Launch.class));
    }

    /** Bytes of local memory that a group allocates. */
    long localBytes(Tiling tiling, int headDim) {
        long bytes = 0;
        for (LocalTile tile : launch.local()) {
            long one = (long) tile.count() * tiling.of(tile.rows(), headDim) * (tiling.of(tile.columns(), headDim) + tile.pad());
            long other = (long) tiling.of(tile.orRows(), headDim) * (tiling.of(tile.orColumns(), headDim) + tile.pad());
            bytes += Math.max(one, other) * (tile.halves() ? Short.BYTES : Float.BYTES);
        }
        return bytes;
    }

    /** Groups that cover {@code batchHeads} sequences of queries or of keys, whichever the kernel's tiles cut. */
    long groups(Tiling tiling, long batchHeads, int length) {
        return batchHeads * Math.ceilDiv(length, tileLength(tiling));
    }

    private int tileLength(Tiling tiling) {
        return launch.tile() == Extent.BLOCK_Q ? tiling.blockQ() : tiling.blockK();
    }
}

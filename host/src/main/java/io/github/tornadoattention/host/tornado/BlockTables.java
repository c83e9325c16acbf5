package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Broadcast;
import io.github.tornadoattention.host.DenseMask;
import io.github.tornadoattention.host.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What of a call's bias and mask belongs to one block of queries and keys, and the block's share of the bias's gradient. What all
 * entries, heads, queries or keys share, the block's do too.
 */
final class BlockTables {
    /** One element without a bias; kernels do not read it. */
    final FloatArray bias;
    /** One word without a mask; kernels do not read it. */
    final IntArray mask;
    /** The gradient, laid out as the bias. */
    final FloatArray dBias;
    private final AttentionSpec spec;
    private final BlockSize size;
    private final int @Nullable [] biasShape;
    private final int @Nullable [] maskShape;

    BlockTables(AttentionSpec spec, BlockSize size) {
        this.spec = spec;
        this.size = size;
        this.biasShape = size.part(spec.biasShape());
        this.maskShape = size.part(spec.maskShape());
        this.bias = new FloatArray(biasShape == null ? 1 : Math.toIntExact(size.biasElements(spec)));
        this.dBias = new FloatArray(bias.getSize());
        this.mask = new IntArray(maskShape == null ? 1 : DenseMask.words(maskShape));
        bias.init(0f);
        mask.init(0);
    }

    /** Says in a {@code shape} array where the elements are. */
    void describe(IntArray shape) {
        Arguments.tables(shape, biasShape, maskShape, size.queries(), size.keys());
    }

    /** Takes over what belongs to a block. */
    void copyIn(BlockKernels.Place place, AttentionInputs inputs) {
        Tensor wholeBias = inputs.bias();
        if (wholeBias != null && biasShape != null) {
            Broadcast from = Broadcast.of(wholeBias.shape());
            long bytes = (long) Float.BYTES * (biasShape[3] == 1 ? 1 : place.keys());
            forEachRow(biasShape, place, (b, h, i, row) -> MemorySegment.copy(wholeBias.segment(),
                    (long) Float.BYTES * from.at(b, h, i, place.key()), bias.getSegment(),
                    (long) Float.BYTES * row * biasShape[3], bytes));
        }
        DenseMask wholeMask = inputs.mask();
        if (wholeMask != null && maskShape != null) {
            copyMask(place, wholeMask, maskShape);
        }
    }

    private void copyMask(BlockKernels.Place place, DenseMask whole, int[] part) {
        Broadcast from = DenseMask.strides(whole.shape());
        int key = whole.shape()[3] == 1 ? 0 : place.key();
        int rowWords = Math.ceilDiv(part[3], Integer.SIZE);
        int wholeWords = Math.ceilDiv(whole.shape()[3], Integer.SIZE);
        int shift = key % Integer.SIZE;
        forEachRow(part, place, (b, h, i, row) -> {
            int at = from.at(b, h, i, 0);
            for (int n = 0; n < rowWords; n++) {
                int word = key / Integer.SIZE + n;
                int low = word < wholeWords ? whole.words()[at + word] >>> shift : 0;
                int high = shift > 0 && word + 1 < wholeWords ? whole.words()[at + word + 1] << Integer.SIZE - shift : 0;
                mask.set(row * rowWords + n, low | high);
            }
        });
    }

    /** Adds the block's share of the gradient, in the fixed order of its elements, to the whole bias's. */
    void addGradient(BlockKernels.Place place, double[] sum) {
        if (biasShape != null) {
            Broadcast to = Broadcast.of(Objects.requireNonNull(spec.biasShape()));
            int columns = biasShape[3] == 1 ? 1 : place.keys();
            forEachRow(biasShape, place, (b, h, i, row) -> {
                int at = to.at(b, h, i, place.key());
                for (int j = 0; j < columns; j++) {
                    sum[at + j] += dBias.get(row * biasShape[3] + j);
                }
            });
        }
    }

    /** A row of the block's part, and what it is a row of in the whole. */
    private interface Row {
        void at(int b, int h, int i, int row);
    }

    private void forEachRow(int[] part, BlockKernels.Place place, Row use) {
        int b = place.batchHead() / spec.heads();
        int head = place.batchHead() % spec.heads();
        int rows = part[2] == 1 ? 1 : place.queries();
        for (int h = 0; h < part[1]; h++) {
            for (int i = 0; i < rows; i++) {
                use.at(b, head + h, place.query() + i, h * part[2] + i);
            }
        }
    }
}

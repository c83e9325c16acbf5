package io.github.tornadoattention.host.cpu;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.HostDecoding;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Report;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decoding on the CPU that reads the cache where it is: the keys of each entry are cut into stretches, which the cores take one
 * by one, and the parts are merged in the order of the keys. The cut depends on lengths alone.
 */
final class CpuDecoding extends HostDecoding {
    /** Stretches wanted over all entries and heads. */
    private static final int STRETCHES = 128;

    /** Keys below which a stretch is not worth a task. */
    private static final int FEWEST_KEYS = 512;

    /** Stretches start at multiples of what {@link DecodeTile} reads together, so that no page ends in between. */
    private static final int TOGETHER = 16;

    private final String device;
    private final Workers workers;

    CpuDecoding(Backend backend, int threads, AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        super(backend, spec, Algorithm.FLASH, cache, rotary);
        this.device = backend.device();
        this.workers = new Workers(threads);
    }

    @Override
    protected Decoding.Result attend(Tensor q, long start) {
        int n = q.shape()[2];
        int size = spec.headDim() + 2;
        int each = spec.heads() / spec.kvHeads() * n;
        int longest = 1;
        for (int b = 0; b < spec.batch(); b++) {
            longest = Math.max(longest, cache.length(b));
        }
        int wanted = Math.clamp(STRETCHES / ((long) spec.batch() * spec.kvHeads()), 1, STRETCHES);
        int stretches = Math.min(wanted, Math.ceilDiv(longest, FEWEST_KEYS));
        int stretch = Math.ceilDiv(Math.ceilDiv(longest, stretches), TOGETHER) * TOGETHER;
        int queries = spec.batch() * spec.heads() * n;
        float[] parts = new float[Math.multiplyExact(Math.multiplyExact(queries, stretches), size)];
        @Nullable DecodeTile[][] tiles = new DecodeTile[spec.batch()][workers.count()];
        Tensor k = cache.keys();
        Tensor v = cache.values();
        long kernelStart = System.nanoTime();
        workers.run(spec.batch() * spec.kvHeads() * stretches, (worker, task) -> {
            int part = task % stretches;
            int g = task / stretches % spec.kvHeads();
            int b = task / stretches / spec.kvHeads();
            int from = Math.min(cache.length(b), part * stretch);
            int to = Math.min(cache.length(b), from + stretch);
            if (from < to) { // else the part stays empty, l is 0
                DecodeTile present = tiles[b][worker];
                DecodeTile tile = present == null ? new DecodeTile(entry(b, n).withDtype(cache.dtype()), new Call()) : present;
                tiles[b][worker] = tile;
                long head = (long) g * cache.rows();
                int first = (b * spec.kvHeads() + g) * each * stretches + part;
                tile.run(q, k, v, j -> head + cache.row(b, j), b, g, from, to, parts, first * size, stretches * size);
            }
        });
        float[] out = new float[queries * spec.headDim()];
        float[] lse = new float[queries];
        float[] row = new float[spec.headDim()];
        for (int query = 0; query < queries; query++) {
            lse[query] = Decoder.merge(parts, query * stretches * size, stretches, size, row);
            System.arraycopy(row, 0, out, query * row.length, row.length);
        }
        long end = System.nanoTime();
        long bytes = (long) parts.length * Float.BYTES;
        for (@Nullable DecodeTile[] ofEntry : tiles) {
            for (DecodeTile tile : ofEntry) {
                bytes += tile == null ? 0 : tile.bytes();
            }
        }
        Report report = new Report("cpu", device, null, "flash", List.of(Decoder.KERNEL), end - kernelStart, 0, end - start,
                bytes);
        return new Decoding.Result(Tensor.of(out, q.shape()), Tensor.of(lse, spec.batch(), spec.heads(), n), report);
    }

    @Override
    public void close() {
        workers.close();
    }
}

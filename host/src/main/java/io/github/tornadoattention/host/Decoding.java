package io.github.tornadoattention.host;

import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one or few new queries over a cache of keys and values that grows: the steps of a model that writes text.
 *
 * <pre>{@code
 * AttentionSpec spec = AttentionSpec.builder(batch, heads, 1, headDim).kvHeads(2).seqK(capacity).causal().build();
 * KvCache cache = KvCache.paged(batch, 2, capacity, headDim, 64, pages);
 * try (Decoding decoding = Decoding.on(Backend.auto(), spec, cache, Rotary.halves(10000, headDim))) {
 *     decoding.append(promptKeys, promptValues);
 *     Decoding.Result r = decoding.step(q, k, v);      // r.out(), r.lse()
 * }
 * }</pre>
 *
 * <p>The spec says what to compute: seqQ is the most queries of a step and seqK the capacity of the cache. Causal, window and
 * ALiBi go by the lengths of the moment: with n queries over a cache that holds m keys, N is n and M is m for each entry. Keys
 * are split between the parts of a device, whose results are merged, so that a single query is enough to keep all of it busy.
 * Lengths are data: nothing is compiled from one step to the next.
 *
 * <p>Tensors have the spec's type, and the host converts what goes in and comes out; the cache has a type of its own ({@link
 * KvCache#withDtype}), computed is in float32.
 *
 * <p>For one thread at a time.
 */
public final class Decoding implements AutoCloseable {
    /** The most queries of a step. */
    public static final int MOST_QUERIES = 16;

    private static final int RANK = 4;

    private final AttentionSpec spec;
    private final KvCache cache;
    private final DecodePlan plan;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;

    /**
     * The result of a step.
     *
     * @param out {@code [batch, heads, n, headDim]}; 0 where a query sees no key
     * @param lse {@code [batch, heads, n]}; negative infinity there
     * @param report what ran
     */
    public record Result(Tensor out, Tensor lse, Report report) {}

    private Decoding(AttentionSpec spec, KvCache cache, DecodePlan plan) {
        this.spec = spec;
        this.cache = cache;
        this.plan = plan;
    }

    /**
     * Decoding of this spec with this cache.
     *
     * @param rotary how new keys and queries are rotated by their positions, null = not at all
     * @throws IllegalArgumentException if spec, cache and rotary do not fit together
     * @throws UsageException if decoding has no such option
     * @throws DeviceException if the device fails or lacks memory
     */
    public static Decoding on(Backend backend, AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        require(spec.seqQ() <= MOST_QUERIES, "%d queries in a step, must be at most %d", spec.seqQ(), MOST_QUERIES);
        require(spec.batch() == cache.batch(), "the spec's batch is %d, the cache's %d", spec.batch(), cache.batch());
        require(spec.kvHeads() == cache.kvHeads(), "the spec has %d kvHeads, the cache %d", spec.kvHeads(), cache.kvHeads());
        require(spec.headDim() == cache.headDim(), "the spec's headDim is %d, the cache's %d", spec.headDim(), cache.headDim());
        require(spec.seqK() == cache.capacity(), "the spec's seqK is %d, the cache's capacity %d", spec.seqK(), cache.capacity());
        require(rotary == null || rotary.dim() <= spec.headDim(), "rotary dim is %d, headDim %d",
                rotary == null ? 0 : rotary.dim(), spec.headDim());
        for (int b = 0; b < cache.batch(); b++) {
            require(cache.length(b) == 0, "entry %d of the cache holds %d keys: a cache belongs to one decoding", b,
                    cache.length(b));
        }
        if (!spec.equals(plain(spec))) {
            throw new UsageException("decoding has scale, causal, window, softcap and ALiBi; [%s] asks for more".formatted(spec));
        }
        return new Decoding(spec, cache, backend.openDecoding(spec, cache, rotary));
    }

    /** The spec reduced to what decoding knows. */
    private static AttentionSpec plain(AttentionSpec spec) {
        SpecBuilder plain = AttentionSpec.builder(spec.batch(), spec.heads(), spec.seqQ(), spec.headDim())
                .kvHeads(spec.kvHeads())
                .seqK(spec.seqK())
                .scale(spec.scale())
                .causal(spec.causal())
                .window(spec.windowLeft(), spec.windowRight())
                .softcap(spec.softcap())
                .dtype(spec.dtype());
        float[] slopes = spec.alibiSlopes();
        return slopes == null ? plain.build() : plain.alibiSlopes(slopes).build();
    }

    private static void require(boolean holds, String message, Object... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(numbers));
        }
    }

    /** What this computes. */
    public AttentionSpec spec() {
        return spec;
    }

    /** Where its keys are. */
    public KvCache cache() {
        return cache;
    }

    /**
     * Adds the keys and values of n new tokens to every entry, and computes attention of their queries over all keys.
     *
     * @param q {@code [batch, heads, n, headDim]}, n from 1 to the spec's seqQ
     * @param k {@code [batch, kvHeads, n, headDim]}
     * @param v {@code [batch, kvHeads, n, headDim]}
     * @throws IllegalArgumentException if a shape is wrong, or the cache has no room; it is unchanged then
     * @throws AttentionException if the device fails
     */
    public Result step(Tensor q, Tensor k, Tensor v) {
        return alone(() -> {
            int n = queries(q);
            requireShape("k", k, spec.kvHeads(), n);
            requireShape("v", v, spec.kvHeads(), n);
            return Objects.requireNonNull(run(q, k, v, same(n)));
        });
    }

    /**
     * Computes attention of queries over the keys that are there; the queries count as the last positions.
     *
     * @param q {@code [batch, heads, n, headDim]}, n from 1 to the spec's seqQ
     * @throws IllegalArgumentException if the shape is wrong
     * @throws AttentionException if the device fails
     */
    public Result attend(Tensor q) {
        return alone(() -> {
            queries(q);
            return Objects.requireNonNull(run(q, null, null, same(0)));
        });
    }

    /**
     * Adds keys and values to every entry: a prompt.
     *
     * @param k {@code [batch, kvHeads, n, headDim]}, any n
     * @param v {@code [batch, kvHeads, n, headDim]}
     * @throws IllegalArgumentException if a shape is wrong, or the cache has no room; it is unchanged then
     * @throws AttentionException if the device fails
     */
    public void append(Tensor k, Tensor v) {
        append(k, v, same(k.shape().length == RANK ? k.shape()[2] : 0));
    }

    /**
     * Adds to each entry keys and values of its own number: prompts of different lengths.
     *
     * @param k {@code [batch, kvHeads, n, headDim]}, of which entry b uses the first {@code added[b]}
     * @param v likewise
     * @param added new keys of each entry, 0..n
     * @throws IllegalArgumentException if a shape or number is wrong, or the cache has no room; it is unchanged then
     * @throws AttentionException if the device fails
     */
    public void append(Tensor k, Tensor v, int[] added) {
        int[] more = added.clone();
        alone(() -> {
            require(k.shape().length == RANK, "k has shape %s, must have %d dimensions", Arrays.toString(k.shape()), RANK);
            int n = k.shape()[2];
            requireShape("k", k, spec.kvHeads(), n);
            requireShape("v", v, spec.kvHeads(), n);
            require(more.length == spec.batch(), "%d numbers of new keys for a batch of %d", more.length, spec.batch());
            for (int b = 0; b < more.length; b++) {
                require(more[b] >= 0 && more[b] <= n, "%d new keys of entry %d, must be 0..%d", more[b], b, n);
            }
            run(null, k, v, more);
            return cache;
        });
    }

    /**
     * Forgets the keys of an entry from {@code length} on; its pages go back to the others. 0 makes room for another sequence.
     *
     * @throws IllegalArgumentException if there is no such entry, or it holds fewer keys
     */
    public void truncate(int entry, int length) {
        alone(() -> {
            cache.truncate(entry, length);
            return cache;
        });
    }

    /** Runs a step; if it fails the cache is as long as before. */
    private @Nullable Result run(@Nullable Tensor q, @Nullable Tensor k, @Nullable Tensor v, int[] added) {
        cache.grow(added);
        boolean done = false;
        try {
            Result result = plan.step(floats(q), floats(k), floats(v), added);
            done = true;
            return result == null ? null : new Result(result.out.to(spec.dtype()), result.lse, result.report);
        } finally {
            for (int b = 0; b < added.length && !done; b++) {
                cache.truncate(b, cache.length(b) - added[b]);
            }
        }
    }

    private static @Nullable Tensor floats(@Nullable Tensor tensor) {
        return tensor == null ? null : tensor.to(DType.FP32);
    }

    private int[] same(int n) {
        int[] added = new int[spec.batch()];
        Arrays.fill(added, n);
        return added;
    }

    private int queries(Tensor q) {
        require(q.shape().length == RANK, "q has shape %s, must have %d dimensions", Arrays.toString(q.shape()), RANK);
        int n = q.shape()[2];
        require(n <= spec.seqQ(), "q has %d queries, the spec allows %d in a step", n, spec.seqQ());
        requireShape("q", q, spec.heads(), n);
        return n;
    }

    private void requireShape(String name, Tensor tensor, int heads, int n) {
        int[] expected = {spec.batch(), heads, n, spec.headDim()};
        require(tensor.dtype() == spec.dtype(), "%s is %s, the spec needs %s", name, tensor.dtype(), spec.dtype());
        require(tensor.hasShape(expected), "%s has shape %s, must be %s", name, Arrays.toString(tensor.shape()),
                Arrays.toString(expected));
    }

    /**
     * Gives back threads and device memory. A second call does nothing.
     *
     * @throws IllegalStateException if another thread is inside
     */
    @Override
    public void close() {
        enter();
        try {
            if (!closed) {
                closed = true;
                plan.close();
            }
        } finally {
            lock.unlock();
        }
    }

    private <T> T alone(Supplier<T> work) {
        enter();
        try {
            if (closed) {
                throw new IllegalStateException("this Decoding is closed");
            }
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    private void enter() {
        if (!lock.tryLock()) {
            throw new IllegalStateException("another thread is using this Decoding; make one for each thread");
        }
    }
}

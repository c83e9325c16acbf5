package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps of decoding against attention over everything that was added so far, whatever the cache, the backend and the options. */
class DecodingTest {
    private static final double CLOSE = 3e-5;

    static List<Backend> backends() {
        return List.of(new ReferenceBackend(), new CpuBackend(2), Backend.of("simulator"));
    }

    /** Everything that was added to an entry, as if there were no cache. */
    private static final class History {
        private final AttentionSpec spec;
        private final @Nullable Rotary rotary;
        private final DType cached;
        private final float[][] keys;
        private final float[][] values;

        History(AttentionSpec spec, @Nullable Rotary rotary) {
            this(spec, rotary, DType.FP32);
        }

        /** {@code cached}: what keys, after they were rotated, and values are rounded to. */
        History(AttentionSpec spec, @Nullable Rotary rotary, DType cached) {
            this.spec = spec;
            this.cached = cached;
            this.rotary = rotary;
            this.keys = new float[spec.batch() * spec.kvHeads()][0];
            this.values = new float[spec.batch() * spec.kvHeads()][0];
        }

        int length(int b) {
            return keys[b * spec.kvHeads()].length / spec.headDim();
        }

        void add(Tensor k, Tensor v, int[] added) {
            int dim = spec.headDim();
            int room = k.shape()[2];
            for (int head = 0; head < keys.length; head++) {
                int count = added[head / spec.kvHeads()] * dim;
                int old = keys[head].length;
                keys[head] = Arrays.copyOf(keys[head], old + count);
                values[head] = Arrays.copyOf(values[head], old + count);
                k.read((long) head * room * dim, keys[head], old, count);
                v.read((long) head * room * dim, values[head], old, count);
                for (int n = 0; rotary != null && n < count / dim; n++) {
                    turn(keys[head], old + n * dim, old / dim + n, rotary);
                }
                for (int n = old; n < old + count; n++) {
                    keys[head][n] = cached.round(keys[head][n]);
                    values[head][n] = cached.round(values[head][n]);
                }
            }
        }

        /** The formula of the paper, pair by pair with complex numbers. */
        private void turn(float[] x, int at, int position, Rotary rotary) {
            if (cached != DType.FP32) {
                rotary.rotate(x, at, position); // rounds as the cache's own, so that both round to the same 16 bits
                return;
            }
            for (int i = 0; i < rotary.dim() / 2; i++) {
                int real = at + (rotary.interleaved() ? 2 * i : i);
                int imaginary = at + (rotary.interleaved() ? 2 * i + 1 : i + rotary.dim() / 2);
                double theta = position * Math.pow(rotary.base(), -2.0 * i / rotary.dim());
                double length = Math.hypot(x[real], x[imaginary]);
                double angle = Math.atan2(x[imaginary], x[real]) + theta;
                x[real] = (float) (length * Math.cos(angle));
                x[imaginary] = (float) (length * Math.sin(angle));
            }
        }

        void compare(Tensor q, Decoding.Result result, String where) {
            int n = q.shape()[2];
            int size = spec.heads() * n * spec.headDim();
            for (int b = 0; b < spec.batch(); b++) {
                float[] out = new float[size];
                float[] lse = new float[spec.heads() * n];
                result.out().read((long) b * size, out, 0, size);
                result.lse().read((long) b * lse.length, lse, 0, lse.length);
                if (length(b) == 0) {
                    assertThat(out).as(where).containsOnly(0f);
                    assertThat(lse).as(where).containsOnly(Float.NEGATIVE_INFINITY);
                    continue;
                }
                float[] queries = new float[size];
                q.read((long) b * size, queries, 0, size);
                for (int row = 0; rotary != null && row < spec.heads() * n; row++) {
                    turn(queries, row * spec.headDim(), length(b) - n + row % n, rotary);
                }
                AttentionSpec one = entry(b, n);
                var exact = ReferenceAttention.forwardBackward(one, Tensor.of(queries, one.qShape()), whole(keys, b, one),
                        whole(values, b, one), null);
                assertThat(error(out, exact.out())).as("%s, out of entry %d", where, b).isLessThan(CLOSE);
                assertThat(error(lse, exact.lse())).as("%s, lse of entry %d", where, b).isLessThan(CLOSE);
            }
        }

        /** The largest error; NaN counts as infinite, and so does an infinity on one side only. */
        private static double error(float[] actual, double[] expected) {
            double error = 0;
            for (int n = 0; n < actual.length; n++) {
                double off = actual[n] == expected[n] ? 0 : Math.abs(actual[n] - expected[n]);
                error = Math.max(error, Double.isNaN(off) ? Double.POSITIVE_INFINITY : off);
            }
            return error;
        }

        private AttentionSpec entry(int b, int n) {
            SpecBuilder one = AttentionSpec.builder(1, spec.heads(), n, spec.headDim()).kvHeads(spec.kvHeads()).seqK(length(b))
                    .scale(spec.scale()).causal(spec.causal()).window(spec.windowLeft(), spec.windowRight())
                    .softcap(spec.softcap());
            float[] slopes = spec.alibiSlopes();
            return slopes == null ? one.build() : one.alibiSlopes(slopes).build();
        }

        private Tensor whole(float[][] rows, int b, AttentionSpec one) {
            float[] all = new float[spec.kvHeads() * length(b) * spec.headDim()];
            for (int g = 0; g < spec.kvHeads(); g++) {
                System.arraycopy(rows[b * spec.kvHeads() + g], 0, all, g * length(b) * spec.headDim(),
                        length(b) * spec.headDim());
            }
            return Tensor.of(all, one.kvShape());
        }
    }

    record Way(String name, AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static int[] shuffled(int count, long seed) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, count).boxed().toList());
        Collections.shuffle(order, new Random(seed));
        return order.stream().mapToInt(Integer::intValue).toArray();
    }

    private static SpecBuilder spec(int batch, int heads, int kvHeads, int queries, int capacity, int dim) {
        return AttentionSpec.builder(batch, heads, queries, dim).kvHeads(kvHeads).seqK(capacity);
    }

    static List<Way> options() {
        return List.of(
                new Way("one query, contiguous", spec(1, 1, 1, 1, 300, 64).build(), KvCache.contiguous(1, 1, 300, 64), null),
                new Way("causal, grouped, pages in any order", spec(2, 6, 2, 3, 300, 40).causal().build(),
                        KvCache.paged(2, 2, 300, 40, 16, shuffled(38, 1)), null),
                new Way("rotary halves, multi-query", spec(1, 4, 1, 4, 257, 32).causal().build(),
                KvCache.contiguous(1, 1, 257, 32), Rotary.halves(10000, 32)),
                new Way("rotary neighbors, part of the head dim", spec(2, 2, 2, 2, 256, 20).causal().build(),
                        KvCache.paged(2, 2, 256, 20, 32, shuffled(16, 2)), Rotary.interleaved(500, 12)),
                new Way("rotary halves, part of the head dim", spec(1, 2, 2, 1, 256, 24).build(),
                KvCache.contiguous(1, 2, 256, 24), Rotary.halves(100, 2)),
                new Way("window, ALiBi, softcap", spec(2, 4, 2, 5, 300, 128).causal().window(70, -1).alibi().softcap(7).build(),
                        KvCache.paged(2, 2, 300, 128, 64, shuffled(10, 3)), null),
                new Way("window to the right, top-left", spec(1, 2, 1, 16, 280, 17).causal(Causal.TOP_LEFT).window(9, 3).build(),
                        KvCache.contiguous(1, 1, 280, 17), null),
                new Way("head dim 256", spec(1, 8, 2, 2, 260, 256).causal().scale(0.3).build(),
                        KvCache.paged(1, 2, 260, 256, 128, 3), Rotary.halves(10000, 64)),
                new Way("float16 cache, grouped, pages in any order", spec(2, 6, 2, 3, 300, 40).causal().build(),
                        KvCache.paged(2, 2, 300, 40, 16, shuffled(38, 1)).withDtype(DType.FP16), null),
                new Way("float16 cache, rotary halves, window", spec(2, 2, 1, 4, 257, 18).causal().window(60, -1).alibi().build(),
                        KvCache.contiguous(2, 1, 257, 18).withDtype(DType.FP16), Rotary.halves(10000, 18)),
                new Way("bfloat16 cache, rotary neighbors", spec(2, 4, 2, 2, 256, 64).causal().softcap(9).build(),
                        KvCache.paged(2, 2, 256, 64, 32, shuffled(16, 2)).withDtype(DType.BF16), Rotary.interleaved(500, 12)),
                new Way("bfloat16 cache, head dim 256", spec(1, 8, 2, 2, 260, 256).causal().build(),
                        KvCache.contiguous(1, 2, 260, 256).withDtype(DType.BF16), null));
    }

    static Stream<Arguments> ways() {
        return backends().stream().flatMap(backend -> IntStream.range(0, options().size())
                .mapToObj(n -> Arguments.of(backend.name(), options().get(n).name(), backend, n)));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("ways")
    void manySteps(String name, String what, Backend backend, int number) {
        Way way = options().get(number);
        AttentionSpec spec = way.spec();
        Random random = new Random(number);
        History history = new History(spec, way.rotary(), way.cache().dtype());
        try (Decoding decoding = Decoding.on(backend, spec, way.cache(), way.rotary())) {
            Tensor alone = normal(random, spec, spec.heads(), 1);
            history.compare(alone, decoding.attend(alone), "empty cache");
            int[] prompt = new int[spec.batch()];
            Arrays.setAll(prompt, b -> 150 - 131 * b);
            Tensor k = normal(random, spec, spec.kvHeads(), 150);
            Tensor v = normal(random, spec, spec.kvHeads(), 150);
            decoding.append(k, v, prompt);
            history.add(k, v, prompt);
            for (int step = 0; step < 4; step++) {
                int n = 1 + step % spec.seqQ();
                step(decoding, history, random, n, "step " + step);
            }
            Tensor more = normal(random, spec, spec.kvHeads(), 70);
            decoding.append(more, more);
            int[] same = new int[spec.batch()];
            Arrays.fill(same, 70);
            history.add(more, more, same);
            step(decoding, history, random, spec.seqQ(), "after more");
            Tensor q = normal(random, spec, spec.heads(), spec.seqQ());
            history.compare(q, decoding.attend(q), "no new keys");
            for (int b = 0; b < spec.batch(); b++) {
                assertThat(decoding.cache().length(b)).isEqualTo(history.length(b));
            }
        }
    }

    private static void step(Decoding decoding, History history, Random random, int n, String where) {
        AttentionSpec spec = decoding.spec();
        Tensor q = normal(random, spec, spec.heads(), n);
        Tensor k = normal(random, spec, spec.kvHeads(), n);
        Tensor v = normal(random, spec, spec.kvHeads(), n);
        int[] added = new int[spec.batch()];
        Arrays.fill(added, n);
        history.add(k, v, added);
        history.compare(q, decoding.step(q, k, v), where);
    }

    private static Tensor normal(Random random, AttentionSpec spec, int heads, int n) {
        return Inputs.normal(random, spec.batch(), heads, n, spec.headDim());
    }

    /** Sequences end and others take their pages: the contents of reused pages do not show. */
    @ParameterizedTest
    @MethodSource("backends")
    void pagesGoFromOneSequenceToAnother(Backend backend) {
        AttentionSpec spec = spec(2, 2, 1, 2, 128, 16).causal().build();
        KvCache cache = KvCache.paged(2, 1, 128, 16, 16, 9);
        Random random = new Random(8);
        try (Decoding decoding = Decoding.on(backend, spec, cache, null)) {
            Tensor k = normal(random, spec, 1, 100);
            decoding.append(k, k, new int[] {100, 20});
            assertThat(cache.freePages()).isEqualTo(0);
            assertThatThrownBy(() -> decoding.append(k, k, new int[] {0, 13}))
                    .isInstanceOf(IllegalArgumentException.class).hasMessage("1 pages of 16 keys are needed, 0 are free");
            assertThat(cache.length(1)).isEqualTo(20);
            decoding.truncate(0, 17);
            assertThat(cache.freePages()).isEqualTo(5);
            decoding.truncate(0, 0);
            decoding.truncate(1, 0);
            History history = new History(spec, null);
            Tensor next = normal(random, spec, 1, 60);
            int[] lengths = {5, 60};
            decoding.append(next, next, lengths);
            history.add(next, next, lengths);
            assertThat(cache.pages(1)).doesNotHaveDuplicates().doesNotContain(cache.pages(0)).hasSize(4);
            step(decoding, history, random, 2, "second sequences");
        }
    }

    /** In 16 bits everything but the cache is rounded, queries and keys before, results after. */
    @ParameterizedTest
    @MethodSource("backends")
    void sixteenBits(Backend backend) {
        Random random = new Random(3);
        AttentionSpec floats = spec(1, 4, 2, 2, 64, 16).causal().build();
        AttentionSpec halves = spec(1, 4, 2, 2, 64, 16).causal().dtype(DType.FP16).build();
        try (Decoding exact = Decoding.on(backend, floats, KvCache.contiguous(1, 2, 64, 16), null);
                Decoding rounded = Decoding.on(backend, halves, KvCache.contiguous(1, 2, 64, 16), null)) {
            Tensor k = normal(random, floats, 2, 30).to(DType.FP16);
            exact.append(k.to(DType.FP32), k.to(DType.FP32));
            rounded.append(k, k);
            Tensor q = normal(random, floats, 4, 2).to(DType.FP16);
            Decoding.Result result = rounded.attend(q);
            assertThat(result.out().dtype()).isEqualTo(DType.FP16);
            assertThat(result.out().toArray()).containsExactly(exact.attend(q.to(DType.FP32)).out().to(DType.FP16).toArray());
            assertThatThrownBy(() -> exact.attend(q)).hasMessage("q is fp16, the spec needs fp32");
        }
    }

    /** The cache's type is its own: half the memory, whatever the tensors are. */
    @ParameterizedTest
    @MethodSource("backends")
    void halfTheMemory(Backend backend) {
        Random random = new Random(3);
        AttentionSpec spec = spec(1, 4, 2, 2, 64, 16).causal().dtype(DType.BF16).build();
        KvCache cache = KvCache.contiguous(1, 2, 64, 16).withDtype(DType.BF16);
        KvCache floats = KvCache.contiguous(1, 2, 64, 16);
        assertThat(cache.keys().segment().byteSize()).isEqualTo(floats.keys().segment().byteSize() / 2);
        try (Decoding half = Decoding.on(backend, spec, cache, null); Decoding whole = Decoding.on(backend, spec, floats, null)) {
            for (int step = 0; step < 3; step++) {
                Tensor q = normal(random, spec, 4, 2).to(DType.BF16);
                Tensor k = normal(random, spec, 2, 2).to(DType.BF16);
                Tensor v = normal(random, spec, 2, 2).to(DType.BF16);
                Decoding.Result result = half.step(q, k, v);
                assertThat(result.out().toArray()).as("nothing is lost of 16-bit keys")
                        .containsExactly(whole.step(q, k, v).out().toArray());
            }
            assertThatThrownBy(() -> cache.withDtype(DType.FP16))
                    .hasMessage("entry 0 of the cache holds 6 keys: their type stays");
        }
        assertThat(cache).hasToString("KvCache[batch=1, kvHeads=2, capacity=64, headDim=16, bf16, contiguous]");
        assertThatThrownBy(() -> KvCache.contiguous(1, 2, 64, 17).withDtype(DType.FP16))
                .hasMessage("headDim is 17, must be even in a cache of fp16");
    }

    @Test
    void whatDoesNotFitIsRefused() {
        AttentionSpec spec = spec(1, 2, 1, 2, 32, 8).causal().build();
        KvCache cache = KvCache.contiguous(1, 1, 32, 8);
        Backend backend = new CpuBackend(1);
        Tensor two = Tensor.zeros(1, 2, 2, 8);
        Tensor key = Tensor.zeros(1, 1, 2, 8);
        try (Decoding decoding = Decoding.on(backend, spec, cache, null)) {
            assertThatThrownBy(() -> decoding.step(Tensor.zeros(1, 2, 3, 8), key, key))
                    .hasMessageContaining("q has 3 queries, the spec allows 2");
            assertThatThrownBy(() -> decoding.step(two, Tensor.zeros(1, 1, 1, 8), key))
                    .hasMessageContaining("k has shape [1, 1, 1, 8], must be [1, 1, 2, 8]");
            assertThatThrownBy(() -> decoding.append(key, key, new int[] {3})).hasMessage("3 new keys of entry 0, must be 0..2");
            assertThatThrownBy(() -> decoding.append(key, key, new int[] {1, 1}))
                    .hasMessage("2 numbers of new keys for a batch of 1");
            decoding.append(Tensor.zeros(1, 1, 31, 8), Tensor.zeros(1, 1, 31, 8));
            assertThatThrownBy(() -> decoding.step(two, key, key))
                    .hasMessage("entry 0 holds 31 of at most 32 keys: there is no room for 2 more");
            assertThat(cache.length(0)).isEqualTo(31);
            assertThatThrownBy(() -> decoding.truncate(0, 32)).hasMessageContaining("entry 0 holds 31 keys");
            assertThatThrownBy(() -> Decoding.on(backend, spec, cache, null)).hasMessageContaining("belongs to one decoding");
            decoding.close();
            assertThatThrownBy(() -> decoding.attend(two)).isInstanceOf(IllegalStateException.class);
        }
        KvCache fresh = KvCache.contiguous(1, 1, 32, 8);
        assertThatThrownBy(() -> Decoding.on(backend, spec(1, 2, 1, 17, 32, 8).build(), fresh, null))
                .hasMessageContaining("17 queries");
        assertThatThrownBy(() -> Decoding.on(backend, spec(1, 2, 1, 1, 33, 8).build(), fresh, null))
                .hasMessageContaining("seqK is 33");
        assertThatThrownBy(() -> Decoding.on(backend, spec(2, 2, 1, 1, 32, 8).build(), fresh, null))
                .hasMessageContaining("batch is 2");
        assertThatThrownBy(() -> Decoding.on(backend, spec, fresh, Rotary.halves(10000, 10)))
                .hasMessage("rotary dim is 10, headDim 8");
        assertThatThrownBy(() -> Decoding.on(backend, spec(1, 2, 1, 1, 32, 8).keyLengths(3).build(), fresh, null))
                .isInstanceOf(UsageException.class).hasMessageContaining("key lengths");
        assertThatThrownBy(() -> Rotary.halves(10000, 3)).hasMessage("rotary dim is 3, must be even and at least 2");
        assertThatThrownBy(() -> Rotary.halves(-1, 4)).hasMessageContaining("rotary base is -1.0");
        assertThatThrownBy(() -> KvCache.paged(1, 1, 32, 8, 24, 2))
                .hasMessage("page size is 24, must be a power of two from 16 on");
        assertThatThrownBy(() -> KvCache.paged(1, 1, 32, 8, 8, 2)).hasMessageContaining("page size is 8");
        assertThatThrownBy(() -> KvCache.paged(1, 1, 32, 8, 16, new int[] {1, 1})).hasMessageContaining("no permutation of 0..1");
        assertThatThrownBy(() -> KvCache.contiguous(1, 1000, 1 << 20, 8)).hasMessageContaining("2^31");
    }
}

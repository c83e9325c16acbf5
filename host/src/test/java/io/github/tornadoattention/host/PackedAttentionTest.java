package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.check.Comparison;
import io.github.tornadoattention.host.check.Tolerance;
import io.github.tornadoattention.host.cpu.CpuBackend;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import io.github.tornadoattention.host.reference.ReferenceBackend;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Packed batches against each of their sequences alone, forward and backward. */
class PackedAttentionTest {
    private static final long SEED = 0xFEDCBA9876543210L;
    private static final int OFFSET = 0x89ABCDEF;

    record Way(String name, int[] starts, int[] startsK, int heads, int headDim, UnaryOperator<SpecBuilder> options) {
        PackedSpec spec() {
            return PackedSpec.of(starts, startsK, heads, headDim, options);
        }
    }

    static List<Way> all() {
        int[] edges = starts(1, 63, 64, 65, 0, 2, 129);
        return List.of(
                new Way("plain", edges, edges, 2, 32, o -> o),
                new Way("causal, grouped", edges, edges, 4, 40, o -> o.kvHeads(2).causal()),
                new Way("other keys than queries", starts(5, 70, 0, 33, 17), starts(80, 20, 9, 0, 64), 2, 16, o -> o.causal()),
                new Way("top-left, window", starts(50, 3, 100), starts(20, 30, 140), 2, 24, o -> o.causal(Causal.TOP_LEFT)
                .window(30, -1)), new Way("ALiBi, softcap, scale", starts(20, 90, 33), starts(48, 70, 1), 6, 64,
                        o -> o.kvHeads(3).alibi().softcap(6).scale(0.4).window(40, 12)),
                new Way("one sequence", starts(97), starts(101), 1, 128, o -> o.causal()),
                new Way("float16", starts(9, 40), starts(9, 40), 2, 32, o -> o.causal().dtype(DType.FP16)),
                new Way("dropout", starts(9, 9, 33, 0, 9, 70), starts(21, 21, 65, 4, 21, 40), 4, 24,
                        o -> o.kvHeads(2).causal().alibi().dropout(0.3)),
                new Way("many short ones", starts(IntStream.range(0, 40).map(n -> n % 7).toArray()),
                        starts(IntStream.range(0, 40).map(n -> n * 5 % 11).toArray()), 1, 17, o -> o.causal()));
    }

    private static int[] starts(int... lengths) {
        int[] starts = new int[lengths.length + 1];
        for (int b = 0; b < lengths.length; b++) {
            starts[b + 1] = starts[b] + lengths[b];
        }
        return starts;
    }

    static Stream<Arguments> ways() {
        List<Backend> backends = List.of(new ReferenceBackend(), new CpuBackend(2), Backend.of("simulator"));
        return backends.stream()
                .flatMap(backend -> all().stream().map(way -> Arguments.of(backend.name(), way.name, backend, way)));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("ways")
    void everySequenceAttendsToItselfAlone(String name, String what, Backend backend, Way way) {
        compare(backend, Algorithm.FLASH, way);
    }

    /** Lengths, empty ones among them, and options at random; the seed is the number in the name. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void randomBatches(long seed) {
        Random random = new Random(seed * 0x9E3779B97F4A7C15L);
        int sequences = 1 + random.nextInt(5);
        int[] lengths = IntStream.range(0, sequences).map(b -> random.nextInt(4) == 0 ? 0 : 2 + random.nextInt(70)).toArray();
        int[] lengthsK = IntStream.range(0, sequences).map(b -> random.nextInt(5) == 0 ? 0 : 2 + random.nextInt(70)).toArray();
        lengths[0] = Math.max(lengths[0], 1 + random.nextInt(20));
        lengthsK[0] = Math.max(lengthsK[0], 2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(3));
        Causal causal = Causal.values()[random.nextInt(3)];
        int left = random.nextInt(3) == 0 ? 10 + random.nextInt(30) : -1;
        double softcap = random.nextInt(3) == 0 ? 5 : 0;
        double dropout = random.nextInt(2) == 0 ? random.nextDouble() / 2 : 0;
        boolean alibi = random.nextInt(3) == 0;
        Way way = new Way("random", starts(lengths), starts(lengthsK), heads, 8 + random.nextInt(40), o -> (alibi ? o.alibi() : o)
                .kvHeads(kvHeads).causal(causal).window(left, -1).softcap(softcap).dropout(dropout));
        compare(new CpuBackend(2), Algorithm.FLASH, way);
        compare(Backend.of("simulator"), Algorithm.FLASH, way);
    }

    @Test
    void standardAttentionToo() {
        compare(new CpuBackend(2), Algorithm.STANDARD, all().get(1));
        Way dropout = all().stream().filter(way -> way.name.equals("dropout")).findFirst().orElseThrow();
        compare(new CpuBackend(2), Algorithm.STANDARD, dropout);
        compare(Backend.of("simulator"), Algorithm.STANDARD, dropout);
        compare(Backend.of("simulator"), Algorithm.STANDARD, all().get(3));
    }

    private static void compare(Backend backend, Algorithm algorithm, Way way) {
        PackedSpec spec = way.spec();
        DType dtype = spec.longest().dtype();
        Random random = new Random(way.headDim);
        Tensor q = Inputs.normal(random, spec.qShape()).to(dtype);
        Tensor k = Inputs.normal(random, spec.kvShape()).to(dtype);
        Tensor v = Inputs.normal(random, spec.kvShape()).to(dtype);
        Tensor dOut = Inputs.normal(random, spec.qShape()).to(dtype);
        try (PackedAttention attention = PackedAttention.on(backend, spec, algorithm)) {
            Forward f = attention.forward(AttentionInputs.of(q, k, v).withSeed(SEED, OFFSET));
            Gradients g = attention.backward(dOut, f);
            assertThat(f.out().shape()).containsExactly(spec.qShape());
            assertThat(f.lse().shape()).containsExactly(spec.lseShape());
            for (int b = 0; b < spec.sequences(); b++) {
                compareSequence(spec, b, q, k, v, dOut, f, g);
            }
        }
    }

    private static void compareSequence(PackedSpec spec, int b, Tensor q, Tensor k, Tensor v, Tensor dOut, Forward f,
            Gradients g) {
        int n = spec.lengthQ(b);
        int m = spec.lengthK(b);
        if (n == 0 || m == 0) {
            for (Tensor zero : new Tensor[] {f.out(), g.dq()}) {
                assertThat(n == 0 ? new float[1] : rows(zero, spec.startQ(b), n)).containsOnly(0f);
            }
            for (Tensor zero : new Tensor[] {g.dk(), g.dv()}) {
                assertThat(m == 0 ? new float[1] : rows(zero, spec.startK(b), m)).containsOnly(0f);
            }
            for (int h = 0; h < spec.longest().heads(); h++) {
                for (int i = 0; i < n; i++) {
                    assertThat(f.lse().get(h, spec.startQ(b) + i)).isEqualTo(Float.NEGATIVE_INFINITY);
                }
            }
            return;
        }
        AttentionSpec one = spec.dense(1, n, m);
        Tensor q1 = dense(q, spec.startQ(b), n);
        Tensor k1 = dense(k, spec.startK(b), m);
        Tensor v1 = dense(v, spec.startK(b), m);
        Tensor dOut1 = dense(dOut, spec.startQ(b), n);
        AttentionInputs inputs = AttentionInputs.of(q1, k1, v1).withSeed(SEED, OFFSET).withFirstEntry(b);
        Exact exact = ReferenceAttention.forwardBackward(one, inputs, dOut1);
        float[] lse = new float[one.heads() * n];
        for (int row = 0; row < lse.length; row++) {
            lse[row] = f.lse().get(row / n, spec.startQ(b) + row % n);
        }
        Forward f1 = new Forward(inputs, dense(f.out(), spec.startQ(b), n), Tensor.of(lse, one.lseShape()), f.report());
        Gradients g1 = new Gradients(dense(g.dq(), spec.startQ(b), n), dense(g.dk(), spec.startK(b), m),
                dense(g.dv(), spec.startK(b), m), g.report());
        assertThat(Comparison.of(one, exact, f1, g1, Tolerance.of(one, inputs, dOut1, exact)).firstFailure())
                .as("sequence %d of %s", b, spec).isEmpty();
    }

    /** Rows of a packed tensor as a batch of one. */
    private static Tensor dense(Tensor packed, int start, int count) {
        int heads = packed.shape()[1];
        int dim = packed.shape()[2];
        float[] rows = rows(packed, start, count);
        float[] dense = new float[rows.length];
        for (int i = 0; i < count; i++) {
            for (int h = 0; h < heads; h++) {
                System.arraycopy(rows, (i * heads + h) * dim, dense, (h * count + i) * dim, dim);
            }
        }
        return Tensor.of(dense, 1, heads, count, dim).to(packed.dtype());
    }

    private static float[] rows(Tensor packed, int start, int count) {
        int each = packed.shape()[1] * packed.shape()[2];
        float[] rows = new float[count * each];
        packed.to(DType.FP32).read((long) start * each, rows, 0, rows.length);
        return rows;
    }

    @Test
    void illegalNumbersAreNamed() {
        int[] sound = {0, 4, 9};
        assertThatThrownBy(() -> PackedSpec.of(new int[] {0}, sound, 1, 8, o -> o))
                .hasMessageContaining("cuSeqlensQ has 1 numbers");
        assertThatThrownBy(() -> PackedSpec.of(new int[] {1, 4, 9}, sound, 1, 8, o -> o))
                .hasMessage("cuSeqlensQ starts with 1, must start with 0");
        assertThatThrownBy(() -> PackedSpec.of(sound, new int[] {0, 5, 4}, 1, 8, o -> o))
                .hasMessage("cuSeqlensK falls from 5 to 4");
        assertThatThrownBy(() -> PackedSpec.of(sound, new int[] {0, 0, 0}, 1, 8, o -> o))
                .hasMessageContaining("cuSeqlensK ends with 0");
        assertThatThrownBy(() -> PackedSpec.of(sound, new int[] {0, 5}, 1, 8, o -> o))
                .hasMessage("cuSeqlensQ has 3 numbers, cuSeqlensK 2");
        assertThatThrownBy(() -> PackedSpec.of(sound, sound, 1, 300, o -> o)).hasMessageContaining("headDim is 300");
        assertThatThrownBy(() -> PackedSpec.of(sound, sound, 1, 8, o -> o.keyLengths(3))).hasMessageContaining("no key lengths");
        assertThatThrownBy(() -> PackedSpec.of(sound, sound, 1, 8, o -> o.blockMask(BlockMasks.butterfly(5, 5, 4))))
                .hasMessageContaining("no block mask");
        assertThatThrownBy(() -> PackedSpec.of(sound, sound, 1, 8, o -> o.dropout(1))).hasMessageContaining("dropout is 1.0");
        assertThatThrownBy(() -> PackedSpec.of(sound, sound, 1, 8, o -> o.seqK(7)))
                .hasMessageContaining("follow from its lengths");
        assertThatThrownBy(() -> PackedSpec.of(new int[] {0, 1 << 30}, new int[] {0, 4}, 3, 8, o -> o))
                .hasMessageContaining("2^31");
        try (PackedAttention attention = PackedAttention.on(new CpuBackend(1), PackedSpec.of(sound, sound, 1, 8, o -> o))) {
            Tensor right = Tensor.zeros(9, 1, 8);
            assertThatThrownBy(() -> attention.forward(Tensor.zeros(1, 9, 8), right, right))
                    .hasMessage("q has shape [1, 9, 8], the spec needs [9, 1, 8]");
            assertThatThrownBy(() -> attention.forward(right, right, right.to(DType.BF16)))
                    .hasMessage("v is bf16, the spec needs fp32");
            assertThatThrownBy(() -> attention.forward(AttentionInputs.of(right, right, right).withFirstEntry(-1)))
                    .hasMessageContaining("firstEntry is -1");
            assertThatThrownBy(() -> attention.forward(AttentionInputs.of(right, right, right)
                    .withFirstEntry(Integer.MAX_VALUE - 1)))
                    .hasMessageContaining("with 2 entries of 1 heads");
            attention.close();
            assertThatThrownBy(() -> attention.forward(right, right, right)).isInstanceOf(IllegalStateException.class);
        }
    }
}

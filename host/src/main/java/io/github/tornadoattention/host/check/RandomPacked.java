package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionInputs;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Forward;
import io.github.tornadoattention.host.PackedAttention;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.host.reference.Exact;
import io.github.tornadoattention.host.reference.ReferenceAttention;
import java.util.Arrays;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * A packed batch drawn at random: up to five sequences, empty ones among them, with all options that these have.
 *
 * @param spec what to compute
 * @param inputs what goes in, standard normal, rounded to the spec's dtype
 * @param dOut gradient of out, shaped as q
 */
public record RandomPacked(PackedSpec spec, AttentionInputs inputs, Tensor dOut) implements RandomCase {
    private static final int MOST_SEQUENCES = 5;

    /** So much more work may a batch be than one attention. */
    private static final int WEIGHT = 3;

    /** Draws one; see {@link RandomKind#draw}. */
    public static RandomPacked draw(long seed, int longest) {
        Random random = Draws.random(seed);
        PackedSpec spec = spec(random, longest);
        while (spec.longest().headDim() > RandomSpecs.MOST_WITHOUT_CHOICE && queriesWithAChoice(spec) == 0) {
            spec = spec(random, longest);
        }
        if (queriesWithAChoice(spec) < RandomSpecs.ENOUGH_WITH_A_CHOICE) {
            spec = packed(spec, o -> o.dtype(DType.FP32));
        }
        DType dtype = spec.longest().dtype();
        AttentionInputs inputs = AttentionInputs.of(Draws.normal(random, spec.qShape()).to(dtype),
                Draws.normal(random, spec.kvShape()).to(dtype), Draws.normal(random, spec.kvShape()).to(dtype))
                .withSeed(random.nextLong(), random.nextInt()).withFirstEntry(random.nextInt(3));
        return new RandomPacked(spec, inputs, Draws.normal(random, spec.qShape()).to(dtype));
    }

    private static PackedSpec spec(Random random, int longest) {
        int sequences = 1 + random.nextInt(MOST_SEQUENCES);
        int[] startsQ = starts(random, sequences, longest);
        int[] startsK = random.nextInt(3) == 0 ? startsQ : starts(random, sequences, longest);
        int headDim = Draws.headDim(random);
        long pairs = 1;
        int seqQ = 1;
        int seqK = 1;
        for (int b = 0; b < sequences; b++) {
            int n = startsQ[b + 1] - startsQ[b];
            int m = startsK[b + 1] - startsK[b];
            pairs += (long) n * m;
            seqQ = Math.max(seqQ, n);
            seqK = Math.max(seqK, m);
        }
        int most = Draws.mostHeads(longest, Math.ceilDiv(pairs, WEIGHT) * headDim);
        int kvHeads = 1 + random.nextInt(Math.min(3, most));
        int heads = kvHeads * (1 + random.nextInt(Math.min(4, most / kvHeads)));
        SpecBuilder each = AttentionSpec.builder(1, heads, seqQ, headDim).kvHeads(kvHeads).seqK(seqK);
        Draws.sight(random, each, seqK);
        Draws.scores(random, each, heads, headDim);
        Draws.dropout(random, each);
        AttentionSpec options = each.dtype(Draws.dtype(random)).build();
        return PackedSpec.of(startsQ, startsK, heads, headDim, o -> with(o, options));
    }

    /** Where sequences begin; one in five is empty, and not all are. */
    private static int[] starts(Random random, int sequences, int longest) {
        int[] starts = new int[sequences + 1];
        for (int b = 0; b < sequences; b++) {
            boolean empty = random.nextInt(5) == 0 && (b + 1 < sequences || starts[b] > 0);
            starts[b + 1] = starts[b] + (empty ? 0 : Draws.length(random, longest));
        }
        return starts;
    }

    private static SpecBuilder with(SpecBuilder spec, AttentionSpec options) {
        spec.kvHeads(options.kvHeads()).scale(options.scale()).causal(options.causal())
                .window(options.windowLeft(), options.windowRight()).softcap(options.softcap()).dropout(options.dropout())
                .dtype(options.dtype());
        float[] slopes = options.alibiSlopes();
        return slopes == null ? spec : spec.alibiSlopes(slopes);
    }

    private static PackedSpec packed(PackedSpec spec, UnaryOperator<SpecBuilder> change) {
        AttentionSpec options = spec.longest();
        int[] startsQ = new int[spec.sequences() + 1];
        int[] startsK = new int[spec.sequences() + 1];
        Arrays.setAll(startsQ, spec::startQ);
        Arrays.setAll(startsK, spec::startK);
        return PackedSpec.of(startsQ, startsK, options.heads(), options.headDim(), o -> change.apply(with(o, options)));
    }

    private static int queriesWithAChoice(PackedSpec spec) {
        int queries = 0;
        for (int b = 0; b < spec.sequences(); b++) {
            if (spec.lengthQ(b) > 0 && spec.lengthK(b) > 0) {
                queries += RandomSpecs.queriesWithAChoice(spec.dense(1, spec.lengthQ(b), spec.lengthK(b)));
            }
        }
        return queries;
    }

    @Override
    public String what() {
        return spec.toString();
    }

    @Override
    public String failure(Backend backend, Algorithm algorithm) {
        Exact exact = PackedReference.run(spec, inputs, dOut, ReferenceAttention::forwardBackward);
        Exact plain = PackedReference.run(spec, inputs, dOut, ReferenceAttention::plain);
        double largest = 0;
        for (float v : inputs.v().toArray()) {
            largest = Math.max(largest, Math.abs(v));
        }
        Tolerance tolerance = Tolerance.of(exact, plain, largest / (1 - spec.longest().dropout()));
        try (PackedAttention attention = PackedAttention.on(backend, spec, algorithm)) {
            Forward f = attention.forward(inputs);
            return Comparison.of(spec, exact, f, attention.backward(dOut, f), tolerance).firstFailure();
        }
    }
}

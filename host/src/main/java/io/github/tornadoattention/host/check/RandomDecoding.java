package io.github.tornadoattention.host.check;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.SpecBuilder;
import io.github.tornadoattention.host.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Decoding drawn at random: a prompt, then steps, more keys and entries that begin anew, all with one plan.
 *
 * @param spec seqQ is the most queries of a step, seqK the capacity of the cache
 * @param pages the pages of the cache in the order in which they are taken, null = contiguous
 * @param pageSize keys of a page
 * @param cached the type of the numbers in the cache
 * @param rotary how keys and queries are rotated, null = not at all
 * @param stepSeed what the steps and their numbers are drawn from
 */
public record RandomDecoding(AttentionSpec spec, int @Nullable [] pages, int pageSize, DType cached, @Nullable Rotary rotary,
        long stepSeed) implements RandomCase {
    private static final int STEPS = 6;
    private static final int SMALLEST_PAGE = 16;

    /** Draws one; see {@link RandomKind#draw}. */
    public static RandomDecoding draw(long seed, int longest) {
        Random random = Draws.random(seed);
        int capacity = Draws.length(random, longest);
        int most = random.nextInt(3) == 0 ? 1 : 1 + random.nextInt(random.nextBoolean() ? 4 : Decoding.MOST_QUERIES);
        int seqQ = Math.min(most, capacity);
        int headDim = Draws.headDim(random);
        int kvHeads = 1 + random.nextInt(3);
        int heads = kvHeads * (1 + random.nextInt(4));
        int batch = 1 + random.nextInt(3);
        SpecBuilder spec = AttentionSpec.builder(batch, heads, seqQ, headDim).kvHeads(kvHeads).seqK(capacity);
        Draws.sight(random, spec, capacity);
        Draws.scores(random, spec, heads, headDim);
        spec.dtype(Draws.dtype(random));
        DType drawn = Draws.dtype(random);
        DType cached = headDim % 2 == 0 ? drawn : DType.FP32;
        int pageSize = SMALLEST_PAGE << random.nextInt(4);
        int[] pages = random.nextBoolean() ? null : shuffled(random, batch * Math.ceilDiv(capacity, pageSize));
        return new RandomDecoding(spec.build(), pages, pageSize, cached, rotary(random, headDim), random.nextLong());
    }

    private static int[] shuffled(Random random, int count) {
        int[] order = new int[count];
        Arrays.setAll(order, n -> n);
        for (int n = count - 1; n > 0; n--) {
            int other = random.nextInt(n + 1);
            int page = order[n];
            order[n] = order[other];
            order[other] = page;
        }
        return order;
    }

    private static @Nullable Rotary rotary(Random random, int headDim) {
        int kind = random.nextInt(4);
        if (kind < 2 || headDim < 2) {
            return null;
        }
        int dim = random.nextBoolean() ? headDim / 2 * 2 : 2 * (1 + random.nextInt(headDim / 2));
        return new Rotary(random.nextBoolean() ? 10000 : 100 + random.nextInt(1000), dim, kind == 2);
    }

    private KvCache cache() {
        KvCache cache = pages == null ? KvCache.contiguous(spec.batch(), spec.kvHeads(), spec.seqK(), spec.headDim())
                : KvCache.paged(spec.batch(), spec.kvHeads(), spec.seqK(), spec.headDim(), pageSize, pages);
        return cache.withDtype(cached);
    }

    @Override
    public String what() {
        return "%s, %s, %s".formatted(spec, cache(), rotary == null ? "no rotary" : rotary);
    }

    /** The algorithm does not matter: decoding has one. */
    @Override
    public String failure(Backend backend, Algorithm algorithm) {
        Random random = new Random(stepSeed);
        DecodedHistory history = new DecodedHistory(spec, rotary, cached);
        try (Decoding decoding = Decoding.on(backend, spec, cache(), rotary)) {
            if (random.nextInt(3) == 0) {
                Tensor q = queries(random, 1 + random.nextInt(spec.seqQ()));
                String failure = history.failure(q, decoding.attend(q));
                if (!failure.isEmpty()) {
                    return "with an empty cache: " + failure;
                }
            }
            append(random, decoding, history);
            for (int step = 0; step < STEPS; step++) {
                String failure = step(random, decoding, history);
                if (!failure.isEmpty()) {
                    return "step %d: %s".formatted(step, failure);
                }
            }
            return "";
        }
    }

    /** A step as far as there is room, else queries alone; now and then after an entry forgot, or got, keys. */
    private String step(Random random, Decoding decoding, DecodedHistory history) {
        switch (random.nextInt(6)) {
            case 0 -> {
                int entry = random.nextInt(spec.batch());
                int length = random.nextBoolean() ? 0 : random.nextInt(history.length(entry) + 1);
                decoding.truncate(entry, length);
                history.truncate(entry, length);
            }
            case 1 -> append(random, decoding, history);
            default -> { }
        }
        int n = 1 + random.nextInt(spec.seqQ());
        Tensor q = queries(random, n);
        if (random.nextInt(6) == 0 || history.longest() + n > spec.seqK()) {
            return history.failure(q, decoding.attend(q));
        }
        Tensor k = keys(random, n);
        Tensor v = keys(random, n);
        int[] added = new int[spec.batch()];
        Arrays.fill(added, n);
        history.add(k, v, added);
        return history.failure(q, decoding.step(q, k, v));
    }

    /** Keys of a number of their own for each entry; rarely all that there is room for. */
    private void append(Random random, Decoding decoding, DecodedHistory history) {
        int[] added = new int[spec.batch()];
        int most = 1;
        for (int b = 0; b < added.length; b++) {
            int room = spec.seqK() - history.length(b);
            added[b] = random.nextInt(8) == 0 ? room : random.nextInt(room * 2 / 3 + 1);
            most = Math.max(most, added[b]);
        }
        Tensor k = keys(random, most);
        Tensor v = keys(random, most);
        decoding.append(k, v, added);
        history.add(k, v, added);
    }

    private Tensor queries(Random random, int n) {
        return Draws.normal(random, new int[] {spec.batch(), spec.heads(), n, spec.headDim()}).to(spec.dtype());
    }

    private Tensor keys(Random random, int n) {
        return Draws.normal(random, new int[] {spec.batch(), spec.kvHeads(), n, spec.headDim()}).to(spec.dtype());
    }
}

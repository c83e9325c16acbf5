package io.github.tornadoattention.host.cpu;

import static io.github.tornadoattention.host.cpu.Lanes.COUNT;
import static io.github.tornadoattention.host.cpu.Lanes.FLOATS;
import static io.github.tornadoattention.host.cpu.Lanes.WIDTH;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.kernels.Dropout;
import io.github.tornadoattention.kernels.Philox;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dropout of a panel in vectors: draws which pairs are kept, a bit each, and applies that to as many matrices as wanted. A word
 * of {@link Philox} takes a lane of 64 bits, where its products fit.
 */
final class PanelDropout {
    private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, FLOATS.vectorShape());
    private static final LongVector STEPS = LongVector.zero(LONGS).addIndex(1);
    private static final int VECTORS = WIDTH / COUNT;
    /** Keys of one draw along keys: their bits have to fit into a long. */
    private static final int DRAWN_KEYS = 4 * LONGS.length();
    private static final long WORD = 0xFFFFFFFFL;
    private static final long EVERY_FOURTH = 0x1111111111111111L;

    private final boolean active;
    private final int heads;
    private final int threshold;
    private final float factor;
    private final Call call;
    /** For each row and each vector in it, the lanes that are kept. */
    private final long[] kept;
    /** For each of the four words of a draw, the lanes that are kept. */
    private long kept0;
    private long kept1;
    private long kept2;
    private long kept3;

    /** For panels of up to {@code rows} rows. */
    PanelDropout(AttentionSpec spec, Call call, int rows) {
        this.active = spec.dropout() > 0;
        this.heads = spec.heads();
        this.threshold = Dropout.threshold(spec.dropout());
        this.factor = (float) (1 / (1 - spec.dropout()));
        this.call = call;
        this.kept = new long[active ? rows * VECTORS : 0];
    }

    /** Whether there is anything to do. */
    boolean active() {
        return active;
    }

    long bytes() {
        return (long) kept.length * Long.BYTES;
    }

    /** Draws for a panel of one key a row, from {@code firstKey} on, and one query a lane, from {@code firstQuery} on. */
    void drawQueries(int b, int h, int firstKey, int rows, int firstQuery) {
        Arrays.fill(kept, 0, rows * VECTORS, 0);
        for (int quad = firstKey / 4; quad <= (firstKey + rows - 1) / 4; quad++) {
            for (int y = 0; y < WIDTH; y += LONGS.length()) {
                draw(LongVector.broadcast(LONGS, quad), STEPS.add(firstQuery + y), batchHead(b, h));
                for (int n = 0; n < 4; n++) {
                    int row = quad * 4 + n - firstKey;
                    if (row >= 0 && row < rows) {
                        kept[row * VECTORS + y / COUNT] |= word(n) << y % COUNT;
                    }
                }
            }
        }
    }

    /** Draws for a panel of one query a row, from {@code firstQuery} on, and one key a lane, from {@code firstKey} on. */
    void drawKeys(int b, int h, int firstQuery, int rows, int firstKey) {
        for (int r = 0; r < rows; r++) {
            if (firstKey % 4 == 0 && DRAWN_KEYS <= Long.SIZE) {
                drawWholeQuads(b, h, firstQuery + r, r, firstKey / 4);
            } else {
                drawOneByOne(b, h, firstQuery + r, r, firstKey);
            }
        }
    }

    private void drawWholeQuads(int b, int h, int query, int row, int firstQuad) {
        for (int y = 0; y < WIDTH; y += DRAWN_KEYS) {
            draw(STEPS.add(firstQuad + y / 4), LongVector.broadcast(LONGS, query), batchHead(b, h));
            long bits = Long.expand(kept0, EVERY_FOURTH) | Long.expand(kept1, EVERY_FOURTH << 1)
                    | Long.expand(kept2, EVERY_FOURTH << 2) | Long.expand(kept3, EVERY_FOURTH << 3);
            kept[row * VECTORS + y / COUNT] = bits & (-1L >>> -COUNT);
            kept[row * VECTORS + y / COUNT + 1] = bits >>> COUNT;
        }
    }

    private void drawOneByOne(int b, int h, int query, int row, int firstKey) {
        for (int y = 0; y < WIDTH; y += COUNT) {
            long bits = 0;
            for (int lane = 0; lane < COUNT; lane++) {
                int key = firstKey + y + lane;
                int four = Dropout.kept(query, key / 4, batchHead(b, h), call.seedLow(), call.seedHigh(), call.dropoutOffset(),
                        threshold);
                bits |= (four >> key % 4 & 1L) << lane;
            }
            kept[row * VECTORS + y / COUNT] = bits;
        }
    }

    private int batchHead(int b, int h) {
        return (call.firstEntry() + b) * heads + h;
    }

    private long word(int n) {
        return n < 2 ? (n == 0 ? kept0 : kept1) : (n == 2 ? kept2 : kept3);
    }

    /** As {@link Philox#words} and {@link Dropout#kept}, for a quad and a query a lane. */
    private void draw(LongVector quads, LongVector queries, int batchHead) {
        LongVector c0 = quads;
        LongVector c1 = queries;
        LongVector c2 = LongVector.broadcast(LONGS, batchHead);
        LongVector c3 = LongVector.broadcast(LONGS, call.dropoutOffset() & WORD);
        int low = call.seedLow();
        int high = call.seedHigh();
        for (int round = 0; round < Philox.ROUNDS; round++) {
            LongVector a = c0.mul(Philox.MULTIPLIER_A);
            LongVector b = c2.mul(Philox.MULTIPLIER_B);
            c0 = b.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c1).lanewise(VectorOperators.XOR, low & WORD);
            c1 = b.and(WORD);
            c2 = a.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c3)
                    .lanewise(VectorOperators.XOR, high & WORD);
            c3 = a.and(WORD);
            low += Philox.STEP_LOW;
            high += Philox.STEP_HIGH;
        }
        long least = threshold - (long) Integer.MIN_VALUE;
        kept0 = c0.compare(VectorOperators.GE, least).toLong();
        kept1 = c1.compare(VectorOperators.GE, least).toLong();
        kept2 = c2.compare(VectorOperators.GE, least).toLong();
        kept3 = c3.compare(VectorOperators.GE, least).toLong();
    }

    /** {@code m = Z ∘ m / (1 - p)} for a matrix {@code [rows][WIDTH]} that the last draw was for. */
    void apply(float[] a, int m, int rows) {
        for (int n = 0; n < rows * VECTORS; n++) {
            int at = m + n * COUNT;
            FloatVector scaled = FloatVector.fromArray(FLOATS, a, at).mul(factor);
            FloatVector.zero(FLOATS).blend(scaled, VectorMask.fromLong(FLOATS, kept[n])).intoArray(a, at);
        }
    }
}

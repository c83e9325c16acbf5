package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.PackedSpec;
import io.github.tornadoattention.kernels.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A packed batch as the kernels take it: the {@code shape} array of one kernel, and its places, a tile of a sequence each. */
record PackedShapes(IntArray shape, int places) {
    private static final int NUMBERS = 4;

    /** A tile and how much there is to do for it. */
    private record Place(int sequence, int tile, long work) {}

    /** Groups own tiles of {@code blockQ} queries. */
    static PackedShapes ofQueries(PackedSpec spec, int blockQ) {
        AttentionSpec options = spec.longest();
        List<Place> places = new ArrayList<>();
        for (int b = 0; b < spec.sequences(); b++) {
            for (int tile = 0; tile < Math.ceilDiv(spec.lengthQ(b), blockQ); tile++) {
                long last = Math.min((tile + 1L) * blockQ, spec.lengthQ(b)) - 1;
                long from = Math.max(0, (long) tile * blockQ + diagonal(spec, b) - options.leftBound());
                long to = Math.min(spec.lengthK(b), last + diagonal(spec, b) + options.rightBound() + 1);
                places.add(new Place(b, tile, to - from));
            }
        }
        return of(spec, places);
    }

    /** Groups own tiles of {@code blockK} keys. */
    static PackedShapes ofKeys(PackedSpec spec, int blockK) {
        AttentionSpec options = spec.longest();
        List<Place> places = new ArrayList<>();
        for (int b = 0; b < spec.sequences(); b++) {
            for (int tile = 0; tile < Math.ceilDiv(spec.lengthK(b), blockK); tile++) {
                long last = Math.min((tile + 1L) * blockK, spec.lengthK(b)) - 1;
                long from = Math.max(0, (long) tile * blockK - diagonal(spec, b) - options.rightBound());
                long to = Math.min(spec.lengthQ(b), last - diagonal(spec, b) + options.leftBound() + 1);
                places.add(new Place(b, tile, to - from));
            }
        }
        return of(spec, places);
    }

    private static int diagonal(PackedSpec spec, int b) {
        return spec.longest().causal() == Causal.TOP_LEFT ? 0 : spec.lengthK(b) - spec.lengthQ(b);
    }

    private static PackedShapes of(PackedSpec spec, List<Place> places) {
        AttentionSpec options = spec.longest();
        int sequences = spec.sequences();
        int atEntries = Shape.INTS + sequences;
        int atPlaces = atEntries + NUMBERS * sequences;
        IntArray shape = new IntArray(atPlaces + 2 * places.size());
        shape.init(0);
        shape.set(Shape.BATCH, 1); // for what goes row by row: all queries of a head follow each other
        shape.set(Shape.HEADS, options.heads());
        shape.set(Shape.KV_HEADS, options.kvHeads());
        shape.set(Shape.SEQ_Q, spec.totalQ());
        shape.set(Shape.SEQ_K, spec.totalK());
        shape.set(Shape.LEFT, Math.min(options.leftBound(), Shape.UNBOUNDED));
        shape.set(Shape.RIGHT, Math.min(options.rightBound(), Shape.UNBOUNDED));
        shape.set(Shape.Q_ROW_STRIDE, options.heads() * options.headDim());
        shape.set(Shape.Q_HEAD_STRIDE, options.headDim());
        shape.set(Shape.K_ROW_STRIDE, options.kvHeads() * options.headDim());
        shape.set(Shape.K_HEAD_STRIDE, options.headDim());
        shape.set(Shape.KEY_LENGTHS, Shape.INTS);
        shape.set(Shape.ENTRIES, atEntries);
        shape.set(Shape.PLACES, atPlaces);
        for (int b = 0; b < sequences; b++) {
            shape.set(Shape.INTS + b, spec.lengthK(b));
            shape.set(atEntries + NUMBERS * b, spec.lengthQ(b));
            shape.set(atEntries + NUMBERS * b + 1, diagonal(spec, b));
            shape.set(atEntries + NUMBERS * b + 2, spec.startQ(b));
            shape.set(atEntries + NUMBERS * b + 3, spec.startK(b));
        }
        places.sort(Comparator.comparingLong(Place::work).reversed());
        for (int n = 0; n < places.size(); n++) {
            shape.set(atPlaces + 2 * n, places.get(n).sequence);
            shape.set(atPlaces + 2 * n + 1, places.get(n).tile);
        }
        return new PackedShapes(shape, places.size());
    }
}

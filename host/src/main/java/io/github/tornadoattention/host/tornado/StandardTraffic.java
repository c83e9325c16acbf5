package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.kernels.RowDots;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What the standard kernels move. Their work-items read whole rows of q, k or v for each element of the matrix, so that the bytes
 * read exceed those of the matrix by the head dim; the bytes read <i>once</i> are those of the paper's algorithm 0, which moves
 * each matrix as a whole.
 *
 * <p>Two counts follow from the data: a probability that underflows to 0 is not multiplied with v, nor a dS of 0 with k. The
 * model takes all probabilities of visible pairs for positive, those that a call's mask or bias may hide too, and dS for 0
 * exactly where a query sees a single key, whose probability is 1.
 */
final class StandardTraffic {
    private static final int FLOAT = Float.BYTES;

    private final AttentionSpec spec;
    private final int elementBytes;
    private final long d;
    private final long queries;
    private final long keys;
    private final long matrix;
    private final long pairs;
    private final long pairsWithChoice;
    private final long pairsThatExist;
    private final long keysThatExist;

    /** {@code elementBytes}: size of an element of q, k, v, out and their gradients. */
    StandardTraffic(AttentionSpec spec, int elementBytes) {
        this.spec = spec;
        this.elementBytes = elementBytes;
        this.d = spec.headDim();
        this.queries = (long) spec.batch() * spec.heads() * spec.seqQ();
        this.keys = (long) spec.batch() * spec.kvHeads() * spec.seqK();
        this.matrix = queries * spec.seqK();
        this.pairs = spec.visiblePairs();
        long lone = 0;
        long existing = 0;
        int masks = spec.blockMask() == null ? 1 : spec.blockMask().heads();
        for (int b = 0; b < spec.batch(); b++) {
            existing += spec.keyLength(b);
            for (int h = 0; h < masks; h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    lone += spec.visibleKeys(b, h, i) == 1 ? 1 : 0;
                }
            }
        }
        // a row's dP is D where it sees one key, to the last bit if both are summed alike: then dS is 0, and its key not read
        this.pairsWithChoice = spec.headDim() > RowDots.LANES ? pairs : pairs - lone * (spec.heads() / masks);
        this.pairsThatExist = existing * spec.heads() * spec.seqQ();
        this.keysThatExist = existing * spec.kvHeads();
    }

    /** The passes that make P, of either graph. */
    private List<KernelTraffic> probabilities(String graph) {
        KernelTraffic.Counter scores = new KernelTraffic.Counter()
                .reads("q", elementBytes, pairs * d, queries * d)
                .reads("k", elementBytes, pairs * d, keysThatExist * d)
                .writes("s", FLOAT, matrix);
        return List.of(
                new TableTraffic(spec).read(scores, pairs, 1, this::visiblePairs).of(graph + ".scores", "", 0),
                new KernelTraffic.Counter()
                        .updates("s", FLOAT, 3 * matrix + pairs, 2 * matrix, matrix)
                        .writes("lse", FLOAT, queries)
                        .of(graph + ".softmax", "", 0));
    }

    private void visiblePairs(int keyLength, int head, TableTraffic.Pairs told) {
        int entry = IntStream.range(0, spec.batch()).filter(b -> spec.keyLength(b) == keyLength).findFirst().orElseThrow();
        for (int i = 0; i < spec.seqQ(); i++) {
            int end = spec.lastVisible(i, entry) + 1;
            BlockMask mask = spec.blockMask();
            int step = mask == null ? Math.max(1, end) : mask.size();
            for (int j = spec.firstVisible(i); j < end; j = Math.min(end, (j / step + 1) * step)) {
                if (mask == null || mask.isSet(head, i / step, j / step)) {
                    told.are(i, j, Math.min(end, (j / step + 1) * step));
                }
            }
        }
    }

    List<KernelTraffic> forward() {
        List<KernelTraffic> p = probabilities("standard");
        KernelTraffic output = new KernelTraffic.Counter()
                .reads("p", FLOAT, pairsThatExist * d, pairsThatExist)
                .reads("v", elementBytes, pairs * d, keysThatExist * d)
                .writes("out", elementBytes, queries * d)
                .of("standard.output", "", 0);
        List<KernelTraffic> all = new ArrayList<>(List.of(p.getFirst(), p.getLast(), output));
        narrow(all, "standard", 3, queries);
        return all;
    }

    List<KernelTraffic> backward() {
        String graph = "standardBackward";
        List<KernelTraffic> p = probabilities(graph);
        List<KernelTraffic> all = new ArrayList<>(List.of(p.getFirst(), p.getLast(),
                new FlashTraffic(spec, elementBytes).rowDots(graph)));
        int[] biasShape = spec.biasShape();
        if (biasShape != null) {
            all.add(scoreGradients(graph + ".biasedScoreGradients", false));
            all.add(new KernelTraffic.Counter()
                    .reads("ds", FLOAT, matrix, matrix)
                    .writes("dBias", FLOAT, TableTraffic.elements(biasShape))
                    .of(graph + ".bias", "", 0));
        }
        all.add(scoreGradients(graph + ".scoreGradients", spec.softcap() > 0));
        KernelTraffic forQueries = new KernelTraffic.Counter()
                .reads("ds", FLOAT, pairsThatExist * d, pairsThatExist)
                .reads("k", elementBytes, pairsWithChoice * d, keysThatExist * d)
                .writes("dq", elementBytes, queries * d)
                .of(graph + ".queries", "", 0);
        KernelTraffic forKeys = new KernelTraffic.Counter()
                .reads("q", elementBytes, pairs * d, queries * d)
                .reads("dOut", elementBytes, pairs * d, queries * d)
                .reads("p", FLOAT, (matrix + pairs) * d, matrix)
                .reads("ds", FLOAT, pairs * d, pairs)
                .writes("dk", elementBytes, keys * d)
                .writes("dv", elementBytes, keys * d)
                .of(graph + ".keys", "", 0);
        all.add(forQueries);
        all.add(forKeys);
        narrow(all, graph, 5, queries, keys, keys);
        return all;
    }

    /**
     * Adds the tasks that round results to a 16-bit type; the kernels themselves compute in float32.
     *
     * @param first number of the first task: inputs, which are widened when they arrive, not here, have those before
     * @param rows of each result
     */
    private void narrow(List<KernelTraffic> all, String graph, int first, long... rows) {
        for (int n = 0; n < rows.length && spec.dtype() != DType.FP32; n++) {
            all.add(new KernelTraffic.Counter()
                    .reads("floats", FLOAT, rows[n] * d, rows[n] * d)
                    .writes("rounded", spec.dtype().bytes(), rows[n] * d)
                    .of(graph + ".narrow" + (first + n), "", 0));
        }
    }

    private KernelTraffic scoreGradients(String task, boolean capped) {
        return new KernelTraffic.Counter()
                .reads("q", elementBytes, capped ? pairs * d : 0, capped ? queries * d : 0)
                .reads("k", elementBytes, capped ? pairs * d : 0, capped ? keysThatExist * d : 0)
                .reads("v", elementBytes, pairs * d, keysThatExist * d)
                .reads("dOut", elementBytes, pairs * d, queries * d)
                .reads("p", FLOAT, pairs, pairs)
                .reads("delta", FLOAT, pairs, queries)
                .writes("ds", FLOAT, matrix)
                .of(task, "", 0);
    }
}

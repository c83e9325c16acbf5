package io.github.tornadoattention.host.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.check.RandomSpecs.Drawn;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The generator draws what it promises: otherwise the differential tests would be green for want of cases. */
class RandomSpecsTest {
    private static final int SEEDS = 320;
    private static final int LONGEST = 150;

    private static final List<AttentionSpec> SPECS =
            LongStream.range(0, SEEDS).mapToObj(seed -> RandomSpecs.draw(seed, LONGEST).spec()).toList();

    @Test
    void theSameSeedDrawsTheSame() {
        Drawn one = RandomSpecs.draw(7, LONGEST);
        Drawn two = RandomSpecs.draw(7, LONGEST);

        assertThat(two.spec()).isEqualTo(one.spec());
        assertThat(two.inputs().q().toArray()).containsExactly(one.inputs().q().toArray());
        assertThat(two.inputs().k().toArray()).containsExactly(one.inputs().k().toArray());
        assertThat(two.inputs().v().toArray()).containsExactly(one.inputs().v().toArray());
        assertThat(two.dOut().toArray()).containsExactly(one.dOut().toArray());
        assertThat(RandomSpecs.draw(8, LONGEST).spec()).isNotEqualTo(one.spec());
    }

    @Test
    void everyOptionComesUpOften() {
        Map<String, Predicate<AttentionSpec>> options = Map.ofEntries(
                Map.entry("no causal", s -> s.causal() == Causal.NONE),
                Map.entry("top-left", s -> s.causal() == Causal.TOP_LEFT && s.seqQ() != s.seqK()),
                Map.entry("bottom-right", s -> s.causal() == Causal.BOTTOM_RIGHT && s.seqQ() != s.seqK()),
                Map.entry("window", s -> s.windowLeft() >= 0 && s.windowRight() >= 0),
                Map.entry("window, left only", s -> s.windowLeft() >= 0 && s.windowRight() < 0),
                Map.entry("key lengths", s -> s.keyLengths() != null),
                Map.entry("no keys", s -> s.keyLengths() != null && Arrays.stream(s.keyLengths()).anyMatch(n -> n == 0)),
                Map.entry("grouped queries", s -> s.kvHeads() > 1 && s.heads() > s.kvHeads()),
                Map.entry("multi-query", s -> s.kvHeads() == 1 && s.heads() > 1),
                Map.entry("batch", s -> s.batch() > 1),
                Map.entry("scale", s -> s.scale() != 1 / Math.sqrt(s.headDim())),
                Map.entry("fp16", s -> s.dtype() == DType.FP16),
                Map.entry("bf16", s -> s.dtype() == DType.BF16),
                Map.entry("softcap", s -> s.softcap() > 0),
                Map.entry("ALiBi", s -> s.alibiSlopes() != null),
                Map.entry("shared mask", s -> s.blockMask() != null && s.blockMask().heads() == 1),
                Map.entry("mask per head", s -> s.blockMask() != null && s.blockMask().heads() > 1),
                Map.entry("more queries than keys", s -> s.seqQ() > s.seqK()),
                Map.entry("fewer queries than keys", s -> s.seqQ() < s.seqK()),
                Map.entry("one query", s -> s.seqQ() == 1),
                Map.entry("one key", s -> s.seqK() == 1),
                Map.entry("past a tile edge", s -> s.seqQ() > 16 && s.seqQ() % 16 == 1),
                Map.entry("odd head dim", s -> s.headDim() % 2 == 1),
                Map.entry("large head dim", s -> s.headDim() > 128),
                Map.entry("empty rows", RandomSpecsTest::hasEmptyRows),
                Map.entry("no option", s -> s.leftBound() == AttentionSpec.UNBOUNDED && s.rightBound() == AttentionSpec.UNBOUNDED
                        && s.softcap() == 0 && s.alibiSlopes() == null && s.blockMask() == null && s.keyLengths() == null));

        options.forEach((name, has) -> assertThat(SPECS.stream().filter(has).count()).as(name).isGreaterThanOrEqualTo(5));
        for (int size : new int[] {16, 32, 64, 128}) {
            assertThat(SPECS).as("blocks of %d", size).anyMatch(s -> s.blockMask() != null && s.blockMask().size() == size);
        }
    }

    private static boolean hasEmptyRows(AttentionSpec s) {
        for (int i = 0; i < s.seqQ(); i++) {
            if (s.firstVisible(i) > s.lastVisible(i, 0)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void lengthsStayWithinTheLongest() {
        for (int longest : new int[] {1, 5, 17, 500}) {
            for (long seed = 0; seed < 50; seed++) {
                AttentionSpec spec = RandomSpecs.draw(seed, longest).spec();
                assertThat(Math.max(spec.seqQ(), spec.seqK())).isLessThanOrEqualTo(longest);
            }
        }
    }
}

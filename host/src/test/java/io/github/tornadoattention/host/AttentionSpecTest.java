package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AttentionSpecTest {
    private static SpecBuilder good() {
        return AttentionSpec.builder(2, 4, 10, 8);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(AttentionSpec.builder(0, 4, 10, 8), "batch is 0, must be at least 1"),
                Arguments.of(AttentionSpec.builder(2, -1, 10, 8), "heads is -1, must be at least 1"),
                Arguments.of(good().kvHeads(0), "kvHeads is 0, must be at least 1"),
                Arguments.of(AttentionSpec.builder(2, 4, 0, 8), "seqQ is 0, must be at least 1"),
                Arguments.of(good().seqK(-5), "seqK is -5, must be at least 1"),
                Arguments.of(AttentionSpec.builder(2, 4, 10, 0), "headDim is 0, must be 1..256"),
                Arguments.of(AttentionSpec.builder(2, 4, 10, 257), "headDim is 257, must be 1..256"),
                Arguments.of(good().kvHeads(3), "heads 4 is not a multiple of kvHeads 3"),
                Arguments.of(good().kvHeads(8), "heads 4 is not a multiple of kvHeads 8"),
                Arguments.of(AttentionSpec.builder(1 << 10, 1 << 5, 1 << 10, 64),
                        "q of shape [1024, 32, 1024, 64] has 2^31 elements or more, which is too many"),
                Arguments.of(AttentionSpec.builder(1, 1, 1, 128).seqK(1 << 24),
                        "k of shape [1, 1, 16777216, 128] has 2^31 elements or more, which is too many"),
                Arguments.of(AttentionSpec.builder(Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE, 256),
                        "q of shape [2147483647, 2147483647, 2147483647, 256] has 2^31 elements or more, which is too many"),
                Arguments.of(good().scale(Double.NaN), "scale is NaN, must be finite in float32"),
                Arguments.of(good().scale(1e300), "scale is 1.0E300, must be finite in float32"),
                Arguments.of(good().window(-2, 0), "window left is -2, must be -1 (unbounded) or more"),
                Arguments.of(good().window(0, -3), "window right is -3, must be -1 (unbounded) or more"),
                Arguments.of(good().softcap(-1), "softcap is -1.0, must be 0 (off) or positive and finite"),
                Arguments.of(good().softcap(Double.NaN), "softcap is NaN, must be 0 (off) or positive and finite"),
                Arguments.of(good().softcap(1e-60), "softcap is 1.0E-60, too small for float32"),
                Arguments.of(good().keyLengths(10), "1 key lengths for a batch of 2"),
                Arguments.of(good().keyLengths(3, 11), "key length 11 of batch entry 1 is outside 0..10"),
                Arguments.of(good().keyLengths(-1, 3), "key length -1 of batch entry 0 is outside 0..10"),
                Arguments.of(good().alibiSlopes(1f, 2f), "2 ALiBi slopes for 4 heads"),
                Arguments.of(good().alibiSlopes(1f, Float.POSITIVE_INFINITY, 0f, 0f),
                        "ALiBi slope of head 1 is Infinity, must be finite"),
                Arguments.of(good().blockMask(new BlockMask(4, 1, 3, 2, new byte[6])),
                        "block mask has 3 x 2 blocks, seqQ 10 and seqK 10 in blocks of 4 need 3 x 3"),
                Arguments.of(good().blockMask(new BlockMask(5, 3, 2, 2, new byte[12])),
                        "block mask has 3 heads, must be 1 (shared) or 4"),
                Arguments.of(good().dropout(1), "dropout is 1.0, must be at least 0 and below 1"),
                Arguments.of(good().dropout(-0.1), "dropout is -0.1, must be at least 0 and below 1"),
                Arguments.of(good().dropout(Double.NaN), "dropout is NaN, must be at least 0 and below 1"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("refused")
    void whatIsIllegalIsRefusedWithItsNumbers(SpecBuilder builder, String message) {
        assertThatThrownBy(builder::build).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test
    void limitsThemselvesAreLegal() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 1, 256)
                .seqK((1 << 23) - 1).keyLengths(0).window(0, Integer.MAX_VALUE).build();

        assertThat(spec.keyLength(0)).isZero();
        assertThat(spec.visiblePairs()).isZero();
    }

    @Test
    void unnamedValuesAreTheUsualOnes() {
        AttentionSpec spec = AttentionSpec.builder(2, 4, 10, 64).build();

        assertThat(spec.kvHeads()).isEqualTo(4);
        assertThat(spec.seqK()).isEqualTo(10);
        assertThat(spec.scale()).isEqualTo(0.125);
        assertThat(spec.causal()).isEqualTo(Causal.NONE);
        assertThat(spec.visiblePairs()).isEqualTo(2 * 4 * 10 * 10);
        assertThat(spec.forwardFlops()).isEqualTo(4.0 * 64 * 800);
    }

    @Test
    void arraysAreCopiedInAndOut() {
        int[] lengths = {3, 4};
        float[] slopes = {1, 2, 3, 4};
        AttentionSpec spec = good().keyLengths(lengths).alibiSlopes(slopes).build();
        lengths[0] = 9;
        slopes[0] = 9;
        spec.keyLengths()[1] = 9;
        spec.alibiSlopes()[1] = 9;

        assertThat(spec.keyLengths()).containsExactly(3, 4);
        assertThat(spec.alibiSlopes()).containsExactly(1, 2, 3, 4);
    }

    @Test
    void equalityLooksIntoArrays() {
        AttentionSpec one = good().keyLengths(3, 4).alibi().build();
        AttentionSpec same = good().keyLengths(3, 4).alibi().build();

        assertThat(one).isEqualTo(same).hasSameHashCodeAs(same).isNotEqualTo(good().keyLengths(3, 5).alibi().build());
    }

    @Test
    void queryHeadsShareKeyValueHeadsInOrder() {
        AttentionSpec spec = AttentionSpec.builder(1, 6, 1, 1).kvHeads(3).build();

        assertThat(Stream.of(0, 1, 2, 3, 4, 5).map(spec::kvHead)).containsExactly(0, 0, 1, 1, 2, 2);
    }

    /** Every option by its definition in the design, pair by pair. */
    @Test
    void visibilityIsWhatTheDesignSays() {
        for (Causal causal : Causal.values()) {
            for (int left = -1; left < 4; left++) {
                for (int right = -1; right < 4; right++) {
                    AttentionSpec plain = AttentionSpec.builder(2, 2, 7, 4).seqK(9).build();
                    BlockMask mask = Inputs.mask(plain, 3, 2, 0.6, 10 * left + right);
                    AttentionSpec spec = AttentionSpec.builder(2, 2, 7, 4).seqK(9).causal(causal).window(left, right)
                            .keyLengths(9, 4).blockMask(mask).build();
                    assertVisibility(spec, mask);
                }
            }
        }
    }

    private static void assertVisibility(AttentionSpec spec, BlockMask mask) {
        int off = spec.causal() == Causal.TOP_LEFT ? 0 : spec.seqK() - spec.seqQ();
        long pairs = 0;
        for (int b = 0; b < spec.batch(); b++) {
            for (int h = 0; h < spec.heads(); h++) {
                for (int i = 0; i < spec.seqQ(); i++) {
                    for (int j = 0; j < spec.seqK(); j++) {
                        boolean expected = (spec.causal() == Causal.NONE || j <= i + off)
                                && (spec.windowLeft() < 0 || j >= i + off - spec.windowLeft())
                                && (spec.windowRight() < 0 || j <= i + off + spec.windowRight())
                                && j < spec.keyLength(b)
                                && mask.isSet(h, i / 3, j / 3);
                        assertThat(spec.visible(b, h, i, j)).as("%s b%d h%d i%d j%d", spec, b, h, i, j).isEqualTo(expected);
                        pairs += expected ? 1 : 0;
                    }
                }
            }
        }
        assertThat(spec.visiblePairs()).as("%s", spec).isEqualTo(pairs);
    }

    @Test
    void boundsDoNotOverflow() {
        AttentionSpec spec = AttentionSpec.builder(1, 1, 100, 1).seqK(50).window(Integer.MAX_VALUE, Integer.MAX_VALUE).build();

        assertThat(spec.firstVisible(99)).isZero();
        assertThat(spec.lastVisible(0, 0)).isEqualTo(49);
        assertThat(spec.visiblePairs()).isEqualTo(5000);
    }

    @Test
    void slopesOfThePaper() {
        assertThat(slopes(8)).containsExactly(0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f, 0.0078125f, 0.00390625f);
        assertThat(slopes(6)).containsExactly(0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f);
        assertThat(slopes(1)).containsExactly(0.00390625f);
        assertThat(slopes(12)[8]).isCloseTo((float) Math.sqrt(0.5), within(1e-7f));
        assertThat(slopes(12)[9]).isCloseTo((float) Math.pow(2, -1.5), within(1e-7f));
    }

    private static float[] slopes(int heads) {
        return AttentionSpec.builder(1, heads, 1, 1).alibi().build().alibiSlopes();
    }

    @Test
    void describesItselfInOneLine() {
        assertThat(AttentionSpec.builder(2, 8, 16, 64).kvHeads(2).seqK(32).causal().window(5, -1).build().toString())
                .isEqualTo("b2 h8/2 n16x32 d64 causal bottom-right window 5,-1 scale 0.125");
    }
}

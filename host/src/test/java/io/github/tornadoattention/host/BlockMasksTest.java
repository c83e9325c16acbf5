package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlockMasksTest {
    /** One line a row of blocks, # for set. */
    private static String picture(BlockMask mask, int head) {
        StringBuilder picture = new StringBuilder();
        for (int row = 0; row < mask.rows(); row++) {
            for (int col = 0; col < mask.cols(); col++) {
                picture.append(mask.isSet(head, row, col) ? '#' : '.');
            }
            picture.append('\n');
        }
        return picture.toString();
    }

    private static String picture(BlockMask mask) {
        assertThat(mask.heads()).isEqualTo(1);
        return picture(mask, 0);
    }

    /** Figure 2 of arXiv 2112.00029: the factors of strides 2, 4 and 8 on top of each other. */
    @Test
    void butterfly() {
        assertThat(picture(BlockMasks.butterfly(8 * 32, 8 * 32 - 5, 32))).isEqualTo("""
                ###.#...
                ##.#.#..
                #.##..#.
                .###...#
                #...###.
                .#..##.#
                ..#.#.##
                ...#.###
                """);
    }

    @Test
    void butterflyThatIsNotSquareIsStretched() {
        assertThat(picture(BlockMasks.butterfly(32, 128, 16))).isEqualTo("########\n########\n");
        assertThat(picture(BlockMasks.butterfly(64, 128, 16))).isEqualTo("######..\n####..##\n##..####\n..######\n");
        assertThat(picture(BlockMasks.butterfly(128, 64, 16))).isEqualTo("###.\n###.\n##.#\n##.#\n#.##\n#.##\n.###\n.###\n");
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64, 128})
    void butterflyOfPowersOfTwoHasOneBlockMoreThanDigits(int blocks) {
        BlockMask mask = BlockMasks.butterfly(blocks * 16, blocks * 16, 16);
        double digits = Integer.numberOfTrailingZeros(blocks);
        assertThat(mask.density()).isEqualTo((digits + 1) / blocks);
    }

    @Test
    void localGlobal() {
        assertThat(picture(BlockMasks.localGlobal(96, 96, 16, 1, 1))).isEqualTo("""
                ######
                ###...
                ####..
                #.###.
                #..###
                #...##
                """);
        assertThat(picture(BlockMasks.localGlobal(64, 64, 16, 0, 0))).isEqualTo("#...\n.#..\n..#.\n...#\n");
        assertThat(picture(BlockMasks.localGlobal(32, 64, 16, 0, 0))).isEqualTo("##..\n..##\n");
        assertThat(picture(BlockMasks.localGlobal(64, 32, 16, 0, 0))).isEqualTo("#.\n#.\n.#\n.#\n");
    }

    @Test
    void bigBirdAddsBlocksToEachRow() {
        BlockMask base = BlockMasks.localGlobal(320, 320, 16, 1, 1);
        BlockMask mask = BlockMasks.bigBird(320, 320, 16, 1, 1, 3, 7);
        assertThat(mask.and(base)).isEqualTo(base);
        for (int row = 1; row < 20; row++) {
            int more = 0;
            for (int col = 0; col < 20; col++) {
                more += mask.isSet(0, row, col) && !base.isSet(0, row, col) ? 1 : 0;
            }
            assertThat(more).isEqualTo(3);
        }
        assertThat(BlockMasks.bigBird(320, 320, 16, 1, 1, 3, 7)).isEqualTo(mask);
        assertThat(BlockMasks.bigBird(320, 320, 16, 1, 1, 3, 8)).isNotEqualTo(mask);
        assertThat(BlockMasks.bigBird(320, 320, 16, 1, 1, 99, 8).density()).isEqualTo(1);
    }

    @Test
    void strided() {
        assertThat(picture(BlockMasks.strided(7 * 16, 7 * 16, 16, 3))).isEqualTo("""
                ####..#
                #####..
                ######.
                #######
                .######
                ..#####
                #..####
                """);
        assertThat(BlockMasks.strided(64, 64, 16, 1).density()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "1, 400", "0.25, 100", "0.1, 40", "0.126, 50"})
    void randomHasTheDensityInEveryRow(double density, int blocks) {
        BlockMask mask = BlockMasks.random(20 * 64, 20 * 64, 64, density, 5);
        assertThat(mask.density()).isEqualTo(blocks / 400.0);
        for (int row = 0; row < 20; row++) {
            int set = 0;
            for (int col = 0; col < 20; col++) {
                set += mask.isSet(0, row, col) ? 1 : 0;
            }
            assertThat(set).isBetween(blocks / 20, (blocks + 19) / 20);
        }
    }

    @Test
    void randomFollowsTheSeed() {
        BlockMask mask = BlockMasks.random(640, 1000, 32, 0.5, 1);
        assertThat(BlockMasks.random(640, 1000, 32, 0.5, 1)).isEqualTo(mask);
        assertThat(BlockMasks.random(640, 1000, 32, 0.5, 2)).isNotEqualTo(mask);
    }

    @ParameterizedTest
    @CsvSource({"100, 100, 16", "70, 110, 32", "110, 70, 16", "1, 33, 16", "33, 1, 16", "48, 50, 7"})
    void causalHoldsEveryVisiblePairAndNoBlockMore(int seqQ, int seqK, int size) {
        for (Causal alignment : Causal.values()) {
            AttentionSpec spec = AttentionSpec.builder(1, 1, seqQ, 8).seqK(seqK).causal(alignment).build();
            boolean[] dense = new boolean[seqQ * seqK];
            for (int n = 0; n < dense.length; n++) {
                dense[n] = spec.visible(0, 0, n / seqK, n % seqK);
            }
            assertThat(BlockMasks.causal(seqQ, seqK, size, alignment)).isEqualTo(BlockMasks.ofDense(dense, 1, seqQ, seqK, size));
        }
    }

    @Test
    void ofDenseSetsBlocksThatHoldAnySetElement() {
        Random random = new Random(3);
        int heads = 2;
        int seqQ = 37;
        int seqK = 53;
        boolean[] dense = new boolean[heads * seqQ * seqK];
        for (int n = 0; n < 12; n++) {
            dense[random.nextInt(dense.length)] = true;
        }
        BlockMask mask = BlockMasks.ofDense(dense, heads, seqQ, seqK, 8);
        for (int head = 0; head < heads; head++) {
            for (int row = 0; row < 5; row++) {
                for (int col = 0; col < 7; col++) {
                    boolean any = false;
                    for (int i = row * 8; i < Math.min(seqQ, row * 8 + 8); i++) {
                        for (int j = col * 8; j < Math.min(seqK, col * 8 + 8); j++) {
                            any |= dense[(head * seqQ + i) * seqK + j];
                        }
                    }
                    assertThat(mask.isSet(head, row, col)).isEqualTo(any);
                }
            }
        }
    }

    @Test
    void masksCombine() {
        BlockMask causal = BlockMasks.causal(64, 64, 16, Causal.TOP_LEFT);
        BlockMask diagonal = BlockMasks.localGlobal(64, 64, 16, 0, 0);
        BlockMask heads = new BlockMask(16, 2, 4, 4, new byte[32]);
        assertThat(picture(causal.and(BlockMasks.strided(64, 64, 16, 2)))).isEqualTo("#...\n##..\n###.\n.###\n");
        assertThat(picture(diagonal.or(heads), 1)).isEqualTo(picture(diagonal));
        assertThat(heads.and(diagonal).density()).isEqualTo(0);
        assertThatThrownBy(() -> causal.or(BlockMasks.causal(64, 80, 16, Causal.TOP_LEFT)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("cols=4").hasMessageContaining("cols=5");
        assertThatThrownBy(() -> heads.or(new BlockMask(16, 3, 4, 4, new byte[48])))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("heads=2").hasMessageContaining("heads=3");
    }

    @Test
    void illegalNumbersAreNamed() {
        assertThatThrownBy(() -> BlockMasks.butterfly(0, 4, 2)).hasMessage("seqQ is 0, must be at least 1");
        assertThatThrownBy(() -> BlockMasks.butterfly(4, 4, 0)).hasMessage("block size is 0, must be at least 1");
        assertThatThrownBy(() -> BlockMasks.localGlobal(4, 4, 2, -1, 0)).hasMessage("reach is -1, must be at least 0");
        assertThatThrownBy(() -> BlockMasks.localGlobal(4, 4, 2, 0, -2)).hasMessage("global is -2, must be at least 0");
        assertThatThrownBy(() -> BlockMasks.bigBird(4, 4, 2, 0, 0, -1, 1)).hasMessage("random is -1, must be at least 0");
        assertThatThrownBy(() -> BlockMasks.strided(4, 4, 2, 0)).hasMessage("stride is 0, must be at least 1");
        assertThatThrownBy(() -> BlockMasks.random(4, 4, 2, 1.5, 1)).hasMessage("density is 1.5, must be 0..1");
        assertThatThrownBy(() -> BlockMasks.ofDense(new boolean[5], 1, 2, 3, 2)).hasMessageContaining("[1, 2, 3]");
    }
}

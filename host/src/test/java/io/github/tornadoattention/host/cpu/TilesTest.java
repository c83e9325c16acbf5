package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import org.junit.jupiter.api.Test;

/** How sequences are cut into tiles, and which part of the other side a tile visits. */
class TilesTest {
    @Test
    void tilesCoverTheSequenceOnceWithoutCrossingMaskBlocks() {
        for (int length : new int[] {1, 16, 127, 128, 129, 200, 1000}) {
            for (int block : new int[] {0, 1, 7, 16, 64, 130, 300, 2000}) {
                int blocks = block == 0 ? 0 : Math.ceilDiv(length, block);
                BlockMask mask = block == 0 ? null : new BlockMask(block, 1, blocks, blocks, new byte[blocks * blocks]);
                Tiles tiles = Tiles.of(length, mask, 128);
                int next = 0;
                for (int tile = 0; tile < tiles.count(); tile++) {
                    if (tiles.start(tile) < tiles.end(tile)) {
                        assertThat(tiles.start(tile)).as("%d in blocks of %d", length, block).isEqualTo(next);
                        assertThat(tiles.end(tile) - next).isBetween(1, 128);
                        assertThat(block == 0 || next / block == (tiles.end(tile) - 1) / block).isTrue();
                        next = tiles.end(tile);
                    }
                }
                assertThat(next).isEqualTo(length);
            }
        }
    }

    /** Every visible pair is in a run, and a run starts and ends at items that something in the tile sees. */
    @Test
    void runsHoldExactlyWhatATileSees() {
        for (Causal causal : Causal.values()) {
            for (int[] window : new int[][] {{-1, -1}, {10, 3}, {0, 0}}) {
                for (int size : new int[] {0, 16, 40}) {
                    AttentionSpec plain = AttentionSpec.builder(1, 2, 90, 4).seqK(120).build();
                    SpecBuilder builder = AttentionSpec.builder(1, 2, 90, 4).seqK(120)
                            .causal(causal).window(window[0], window[1]).keyLengths(101);
                    if (size > 0) {
                        builder.blockMask(Inputs.mask(plain, size, 2, 0.5, size));
                    }
                    assertRuns(builder.build());
                }
            }
        }
    }

    private static void assertRuns(AttentionSpec spec) {
        Runs runs = new Runs(spec);
        Tiles queries = Tiles.of(spec.seqQ(), spec.blockMask(), 32);
        for (int h = 0; h < 2; h++) {
            for (int tile = 0; tile < queries.count(); tile++) {
                int i0 = queries.start(tile);
                int i1 = queries.end(tile);
                if (i0 == i1) {
                    continue;
                }
                runs.ofKeys(0, h, i0, i1);
                for (int j = 0; j < spec.seqK(); j++) {
                    boolean seen = false;
                    for (int i = i0; i < i1; i++) {
                        seen |= spec.visible(0, h, i, j);
                    }
                    assertThat(contains(runs, j)).as("%s: queries %d..%d, key %d", spec, i0, i1, j).isEqualTo(seen);
                }
            }
        }
        assertQueryRuns(spec, runs);
    }

    private static void assertQueryRuns(AttentionSpec spec, Runs runs) {
        Tiles keys = Tiles.of(spec.seqK(), spec.blockMask(), 32);
        for (int tile = 0; tile < keys.count(); tile++) {
            int j0 = keys.start(tile);
            int j1 = Math.min(keys.end(tile), spec.keyLength(0));
            if (j0 >= j1) {
                continue;
            }
            runs.ofQueries(1, j0, j1);
            for (int i = 0; i < spec.seqQ(); i++) {
                boolean sees = false;
                for (int j = j0; j < j1; j++) {
                    sees |= spec.visible(0, 1, i, j);
                }
                assertThat(contains(runs, i)).as("%s: keys %d..%d, query %d", spec, j0, j1, i).isEqualTo(sees);
            }
        }
    }

    private static boolean contains(Runs runs, int item) {
        for (int run = 0; run < runs.count(); run++) {
            if (item >= runs.start(run) && item < runs.end(run)) {
                return true;
            }
        }
        return false;
    }
}

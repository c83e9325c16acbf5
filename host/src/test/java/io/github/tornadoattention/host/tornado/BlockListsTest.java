package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.BlockMask;
import io.github.tornadoattention.host.Causal;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.SpecBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Lists name the tiles that hold a visible pair, no others, in rising order. */
class BlockListsTest {
    private static final List<Tiling> TILINGS = List.of(new Tiling(16, 16, 8, 8, 16, 16), new Tiling(16, 32, 8, 8, 16, 16),
            new Tiling(32, 8, 8, 8, 16, 16), Tiled.SMALLEST);

    private static SpecBuilder base() {
        return AttentionSpec.builder(2, 3, 75, 4).seqK(110);
    }

    static Stream<AttentionSpec> specs() {
        AttentionSpec plain = base().build();
        return Stream.of(
                base().blockMask(Inputs.mask(plain, 32, 1, 0.5, 1)).build(),
                base().blockMask(Inputs.mask(plain, 32, 3, 0.5, 2)).build(),
                base().blockMask(Inputs.mask(plain, 64, 3, 0.8, 3)).causal().build(),
                base().blockMask(Inputs.mask(plain, 32, 1, 1, 4)).causal(Causal.TOP_LEFT).window(20, -1).build(),
                base().blockMask(Inputs.mask(plain, 128, 1, 1, 5)).window(0, 3).build(),
                base().blockMask(Inputs.mask(plain, 32, 1, 0, 6)).build());
    }

    /** The list of one row, as the kernels find it. */
    private static List<Integer> row(int[] lists, int listed) {
        List<Integer> tiles = new ArrayList<>();
        for (int at = lists[listed]; at < lists[listed + 1]; at++) {
            tiles.add(lists[at]);
        }
        return tiles;
    }

    private static boolean visible(AttentionSpec spec, int head, int q0, int q1, int k0, int k1) {
        for (int i = q0; i < Math.min(q1, spec.seqQ()); i++) {
            for (int j = k0; j < Math.min(k1, spec.seqK()); j++) {
                if (spec.visible(0, head, i, j)) {
                    return true;
                }
            }
        }
        return false;
    }

    @ParameterizedTest
    @MethodSource("specs")
    void tilesWithAVisiblePairAreListedBothWays(AttentionSpec spec) {
        BlockMask mask = Objects.requireNonNull(spec.blockMask());
        for (Tiling t : TILINGS) {
            int tilesQ = Math.ceilDiv(spec.seqQ(), t.blockQ());
            int tilesK = Math.ceilDiv(spec.seqK(), t.blockK());
            BlockLists queries = BlockLists.ofQueries(spec, t);
            BlockLists keys = BlockLists.ofKeys(spec, t);
            assertThat(queries.headStride()).isEqualTo(mask.heads() == 1 ? 0 : tilesQ);
            assertThat(keys.headStride()).isEqualTo(mask.heads() == 1 ? 0 : tilesK);
            for (int head = 0; head < spec.heads(); head++) {
                List<List<Integer>> byKey = new ArrayList<>();
                for (int k = 0; k < tilesK; k++) {
                    byKey.add(new ArrayList<>());
                }
                for (int q = 0; q < tilesQ; q++) {
                    List<Integer> expected = new ArrayList<>();
                    for (int k = 0; k < tilesK; k++) {
                        if (visible(spec, head, q * t.blockQ(), (q + 1) * t.blockQ(), k * t.blockK(), (k + 1) * t.blockK())) {
                            expected.add(k);
                            byKey.get(k).add(q);
                        }
                    }
                    assertThat(row(queries.lists(), head * queries.headStride() + q))
                            .as("%s, %s, head %d, query tile %d", spec, t, head, q)
                            .isEqualTo(expected);
                }
                for (int k = 0; k < tilesK; k++) {
                    assertThat(row(keys.lists(), head * keys.headStride() + k))
                            .as("%s, %s, head %d, key tile %d", spec, t, head, k)
                            .isEqualTo(byKey.get(k));
                }
            }
        }
    }

    @Test
    void withoutMaskThereAreNoLists() {
        assertThat(BlockLists.ofQueries(base().build(), Tiled.SMALLEST)).isSameAs(BlockLists.NONE);
        assertThat(BlockLists.ofKeys(base().build(), Tiled.SMALLEST)).isSameAs(BlockLists.NONE);
    }
}

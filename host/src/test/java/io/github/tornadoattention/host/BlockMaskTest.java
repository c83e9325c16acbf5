package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BlockMaskTest {
    @Test
    void readsByHeadRowAndColumn() {
        BlockMask mask = new BlockMask(16, 2, 1, 2, new byte[] {1, 0, 0, 1});

        assertThat(mask.isSet(0, 0, 0)).isTrue();
        assertThat(mask.isSet(0, 0, 1)).isFalse();
        assertThat(mask.isSet(1, 0, 1)).isTrue();
        assertThat(mask.density()).isEqualTo(0.5);
    }

    @Test
    void oneHeadServesAll() {
        assertThat(new BlockMask(16, 1, 1, 2, new byte[] {0, 1}).isSet(5, 0, 1)).isTrue();
    }

    @Test
    void isImmutable() {
        byte[] set = {1, 1};
        BlockMask mask = new BlockMask(16, 1, 1, 2, set);
        set[0] = 0;
        mask.set()[1] = 0;

        assertThat(mask).isEqualTo(new BlockMask(16, 1, 1, 2, new byte[] {1, 1}));
    }

    @Test
    void otherValuesThanZeroAndOneAreRefused() {
        assertThatThrownBy(() -> new BlockMask(16, 2, 2, 2, new byte[] {1, 0, 1, 1, 0, 0, 2, 1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("block mask: entry [1, 1, 0] is 2, only 0 and 1 are allowed");
    }

    @Test
    void wrongSizesAreRefused() {
        assertThatThrownBy(() -> new BlockMask(16, 1, 2, 2, new byte[3]))
                .hasMessage("block mask: [1, 2, 2] needs 4 entries, there are 3");
        assertThatThrownBy(() -> new BlockMask(0, 1, 2, 2, new byte[4]))
                .hasMessage("block mask: size 0, heads 1, rows 2 and cols 2 must be at least 1");
        assertThatThrownBy(() -> new BlockMask(1, 1 << 30, 1 << 30, 1 << 30, new byte[4])).hasMessageContaining("2^63 or more");
    }
}

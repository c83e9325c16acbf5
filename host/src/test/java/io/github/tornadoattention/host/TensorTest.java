package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class TensorTest {
    private static final float[] SIX = {0, 1, 2, 3, 4, 5};

    @Test
    void indexesRowMajor() {
        Tensor tensor = Tensor.of(SIX, 1, 2, 3);

        assertThat(tensor.get(0, 1, 2)).isEqualTo(5);
        assertThat(tensor.get(0, 0, 1)).isEqualTo(1);
        assertThat(tensor.size()).isEqualTo(6);
        assertThat(tensor.shape()).containsExactly(1, 2, 3);
    }

    @Test
    void indicesAreChecked() {
        Tensor tensor = Tensor.of(SIX, 2, 3);

        assertThatThrownBy(() -> tensor.get(0, 3))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessage("index [0, 3] for shape [2, 3]");
        assertThatThrownBy(() -> tensor.get(-1, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.get(1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void wrapsAJavaArrayWithoutCopying() {
        float[] values = SIX.clone();
        Tensor tensor = Tensor.of(values, 6);
        values[0] = 42;

        assertThat(tensor.get(0)).isEqualTo(42);
    }

    @Test
    void goesOffHeapOnceAndOnDemand() {
        Tensor tensor = Tensor.of(SIX, 2, 3);
        FloatArray first = tensor.data();

        assertThat(tensor.data()).isSameAs(first);
        assertThat(first.get(4)).isEqualTo(4);
        first.set(4, 9);
        assertThat(tensor.get(1, 1)).isEqualTo(9);
    }

    @Test
    void wrapsATornadoArrayWithoutCopying() {
        FloatArray array = FloatArray.fromArray(SIX);

        assertThat(Tensor.of(array, 6).data()).isSameAs(array);
        assertThat(Tensor.of(array, 6).toArray()).containsExactly(SIX);
    }

    @Test
    void wrapsASegmentAndCopiesOneThatIsConfinedToItsThread() {
        MemorySegment shared = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, SIX);
        Tensor wrapped = Tensor.of(shared, 6);
        shared.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 42);
        Tensor copied;
        try (Arena confined = Arena.ofConfined()) {
            copied = Tensor.of(confined.allocateFrom(ValueLayout.JAVA_FLOAT, SIX), 6);
        }

        assertThat(wrapped.get(0)).isEqualTo(42);
        assertThat(copied.toArray()).containsExactly(SIX);
    }

    @Test
    void readsAndWritesParts() {
        Tensor tensor = Tensor.zeros(2, 3);
        tensor.write(SIX, 1, 3, 3);
        float[] part = new float[4];
        tensor.read(2, part, 1, 3);

        assertThat(tensor.toArray()).containsExactly(0, 0, 0, 1, 2, 3);
        assertThat(part).containsExactly(0, 0, 1, 2);
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> Tensor.of(SIX, 2, 2))
                .hasMessage("shape [2, 2] holds 4 floats (16 bytes), the data has 24 bytes");
        assertThatThrownBy(() -> Tensor.zeros(3, 0)).hasMessage("shape [3, 0]: every length must be at least 1");
        assertThatThrownBy(() -> Tensor.zeros(1 << 16, 1 << 16)).hasMessageContaining("2^31 elements or more");
    }
}

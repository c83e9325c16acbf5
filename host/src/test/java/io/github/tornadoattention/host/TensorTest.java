package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

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

    @ParameterizedTest
    @EnumSource
    void convertsElementByElement(DType type) {
        float[] values = Inputs.normal(new Random(1), 3, 7001).toArray();
        Tensor floats = Tensor.of(values, 3, 7001);
        Tensor converted = floats.to(type);

        assertThat(converted.dtype()).isEqualTo(type);
        assertThat(converted.segment().byteSize()).isEqualTo((long) values.length * type.bytes());
        for (int n = 0; n < values.length; n++) {
            values[n] = type.round(values[n]);
        }
        assertThat(converted.toArray()).containsExactly(values);
        assertThat(converted.get(2, 5)).isEqualTo(values[2 * 7001 + 5]);
        assertThat(converted.to(DType.FP32).toArray()).containsExactly(values);
        assertThat(converted.to(type)).isSameAs(converted);
        assertThat(floats.to(DType.FP32)).isSameAs(floats);
    }

    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void sixteenBitsReadAndWriteAsFloats(DType type) {
        Tensor tensor = Tensor.of(type, MemorySegment.ofArray(new short[6]), 6);
        tensor.write(SIX, 1, 3, 3);
        float[] part = new float[4];
        tensor.read(2, part, 1, 3);

        assertThat(tensor.toArray()).containsExactly(0, 0, 0, 1, 2, 3);
        assertThat(part).containsExactly(0, 0, 1, 2);
        assertThat(tensor.array()).isSameAs(tensor.array())
                .isInstanceOf(type == DType.FP16 ? HalfFloatArray.class : BFloat16Array.class);
        assertThat(tensor.toArray()).containsExactly(0, 0, 0, 1, 2, 3);
        assertThatThrownBy(tensor::data)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this tensor is %s, not fp32; to(DType.FP32) converts", type);
    }

    @Test
    void wrapsArraysOf16BitsWithoutCopying() {
        HalfFloatArray halves = HalfFloatArray.fromElements(new HalfFloat(1.5f), new HalfFloat(-2f));
        BFloat16Array brain = BFloat16Array.fromFloats(3f, 0.5f);

        assertThat(Tensor.of(halves, 2).array()).isSameAs(halves);
        assertThat(Tensor.of(halves, 2).toArray()).containsExactly(1.5f, -2f);
        assertThat(Tensor.of(brain, 2).array()).isSameAs(brain);
        assertThat(Tensor.of(brain, 1, 2).toArray()).containsExactly(3f, 0.5f);
        assertThatThrownBy(() -> Tensor.of(halves, 3))
                .hasMessage("shape [3] holds 3 fp16 numbers (6 bytes), the data has 4 bytes");
        assertThatThrownBy(() -> Tensor.zeros(2).fill(Tensor.zeros(3)))
                .hasMessageContaining("cannot be filled from one of shape [3]");
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> Tensor.of(SIX, 2, 2))
                .hasMessage("shape [2, 2] holds 4 floats (16 bytes), the data has 24 bytes");
        assertThatThrownBy(() -> Tensor.zeros(3, 0)).hasMessage("shape [3, 0]: every length must be at least 1");
        assertThatThrownBy(() -> Tensor.zeros(1 << 16, 1 << 16)).hasMessageContaining("2^31 elements or more");
    }
}

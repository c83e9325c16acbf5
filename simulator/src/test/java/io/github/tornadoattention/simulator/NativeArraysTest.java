package io.github.tornadoattention.simulator;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.BFloat16;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.DoubleArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

class NativeArraysTest {

    @Test
    void aHeaderOf16BytesHoldsTheLength() {
        assertThat(TornadoNativeArray.ARRAY_HEADER).isEqualTo(16);
        FloatArray a = FloatArray.fromElements(1f, 2f, 3f);
        assertThat(a.getSize()).isEqualTo(3);
        assertThat(a.getElementSize()).isEqualTo(4);
        assertThat(a.getNumBytesOfSegment()).isEqualTo(12);
        assertThat(a.getNumBytesOfSegmentWithHeader()).isEqualTo(28);
        assertThat(a.getSegmentWithHeader().get(JAVA_INT, 0)).isEqualTo(3);
        assertThat(a.getSegmentWithHeader().get(JAVA_FLOAT, 16)).isEqualTo(1f);
        assertThat(a.getSegment().get(JAVA_FLOAT, 0)).isEqualTo(1f);
    }

    @Test
    void fromSegmentCopies() {
        MemorySegment raw = MemorySegment.ofArray(new float[] {4f, 5f});
        FloatArray a = FloatArray.fromSegment(raw);
        raw.set(JAVA_FLOAT, 0, 9f);
        assertThat(a.toHeapArray()).containsExactly(4f, 5f);
        assertThatThrownBy(() -> FloatArray.fromSegment(MemorySegment.ofArray(new byte[5])))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void fromSegmentShallowWrapsHeaderAndAll() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(24, 16);
            FloatArray a = FloatArray.fromSegmentShallow(whole);
            assertThat(a.getSize()).isEqualTo(2);
            assertThat(whole.get(JAVA_INT, 0)).isEqualTo(2);
            a.set(1, 6f);
            assertThat(whole.get(JAVA_FLOAT, 20)).isEqualTo(6f);
        }
    }

    @Test
    void partsAndWholes() {
        FloatArray a = FloatArray.fromArray(new float[] {1f, 2f, 3f});
        FloatArray slice = a.slice(1, 2);
        slice.set(0, 8f);
        assertThat(a.toHeapArray()).containsExactly(1f, 2f, 3f);
        assertThat(FloatArray.concat(a, slice).toHeapArray()).containsExactly(1f, 2f, 3f, 8f, 3f);
        assertThat(new FloatArray(slice, a).toHeapArray()).containsExactly(8f, 3f, 1f, 2f, 3f);
        assertThat(FloatArray.fromFloatBuffer(FloatBuffer.wrap(new float[] {7f})).get(0)).isEqualTo(7f);
        assertThatThrownBy(() -> a.slice(2, 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new FloatArray(-1)).isInstanceOf(IllegalArgumentException.class);
        a.clear();
        assertThat(a.toHeapArray()).containsOnly(0f);
        FloatArray.initialize(a, 2f);
        assertThat(a.toHeapArray()).containsOnly(2f);
    }

    @Test
    void allTypesKeepTheirValues() {
        assertThat(IntArray.fromElements(1, -2).toHeapArray()).containsExactly(1, -2);
        assertThat(LongArray.fromElements(1L << 40).get(0)).isEqualTo(1L << 40);
        assertThat(DoubleArray.fromElements(0.1).get(0)).isEqualTo(0.1);
        assertThat(ByteArray.fromElements((byte) -3).get(0)).isEqualTo((byte) -3);
        HalfFloatArray halves = HalfFloatArray.fromElements(new HalfFloat(1.5f), new HalfFloat(65519f));
        assertThat(halves.toHeapArray()).extracting(HalfFloat::getFloat32).containsExactly(1.5f, 65504f);
        assertThat(halves.toShortArray()).containsExactly((short) 0x3e00, (short) 0x7bff);
        assertThat(BFloat16Array.fromFloats(1f, -2f).toShortArray()).containsExactly((short) 0x3f80, (short) 0xc000);
    }

    @ParameterizedTest
    @CsvSource({"1.0, 3f80", "-1.0, bf80", "0.0, 0", "-0.0, 0", "Infinity, 7f80", "-Infinity, ff80", "NaN, 7fc0",
        "1.00390625, 3f81", "1.003906, 3f80", "3.3895314e38, 7f7f", "3.3961775e38, 7f80", "9.0e-41, 1", "-9.0e-41, 8001"})
    void bfloat16RoundsToNearestAndTiesAway(float value, String hex) {
        assertThat(Integer.toHexString(BFloat16.bf16FromFloat(value) & 0xffff)).isEqualTo(hex);
    }

    @Test
    void bfloat16WidensExactly() {
        assertThat(BFloat16.bf16ToFloat((short) 0x7f7f)).isEqualTo(BFloat16.BF16_MAX);
        assertThat(BFloat16.bf16ToFloat((short) 0xffc1)).isNaN();
        assertThat(BFloat16.bf16ToFloat((short) 1)).isEqualTo(Float.intBitsToFloat(0x10000));
    }

    @Test
    void halvesAreComparedByValue() {
        HalfFloat small = new HalfFloat(-2f);
        HalfFloat large = new HalfFloat(1f);
        assertThat(TornadoMath.min(small, large)).isSameAs(small);
        assertThat(TornadoMath.max(small, large)).isSameAs(large);
        assertThat(HalfFloat.div(large, small).getFloat32()).isEqualTo(-0.5f);
        assertThat(TornadoMath.log2(8f)).isEqualTo(3f);
        assertThat(TornadoMath.clamp(7, 0, 5)).isEqualTo(5);
    }
}

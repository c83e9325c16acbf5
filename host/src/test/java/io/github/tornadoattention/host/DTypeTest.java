package io.github.tornadoattention.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Conversions, exhaustive from 16 bits to float and at the edges of rounding the other way. */
class DTypeTest {
    private static final int ALL = 1 << 16;

    /** Bits of exponent and of fraction. */
    private static int exponentBits(DType type) {
        return type == DType.FP16 ? 5 : 8;
    }

    /** The value of bits by the definition of the format. */
    private static double defined(DType type, int bits) {
        int fractionBits = 15 - exponentBits(type);
        int bias = (1 << exponentBits(type) - 1) - 1;
        int exponent = (bits & 0x7FFF) >> fractionBits;
        int fraction = bits & (1 << fractionBits) - 1;
        double sign = bits >> 15 == 0 ? 1 : -1;
        if (exponent == (1 << exponentBits(type)) - 1) {
            return fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        double significand = (exponent == 0 ? 0 : 1) + Math.scalb((double) fraction, -fractionBits);
        return sign * Math.scalb(significand, Math.max(exponent, 1) - bias);
    }

    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void everyBitPatternHasItsValueAndComesBack(DType type) {
        for (int bits = 0; bits < ALL; bits++) {
            float value = type.widen((short) bits);
            assertThat((double) value).as("bits %x", bits).isEqualTo(Double.valueOf(defined(type, bits)));
            if (!Float.isNaN(value)) {
                assertThat(type.narrow(value)).as("bits %x", bits).isEqualTo((short) bits);
                assertThat(type.round(value)).isEqualTo(value);
            } else {
                assertThat(type.round(value)).isNaN();
            }
        }
    }

    /** Between neighbors a and b: what is nearer to a becomes a, and the middle becomes the even one; for both signs. */
    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void roundsToNearestTiesToEven(DType type) {
        int largest = (1 << exponentBits(type)) - 1 << 15 - exponentBits(type);
        for (int bits = 0; bits < largest - 1; bits++) {
            for (int sign = 0; sign <= 0x8000; sign += 0x8000) {
                short low = (short) (bits | sign);
                short high = (short) (bits + 1 | sign);
                float middle = (float) ((defined(type, bits | sign) + defined(type, bits + 1 | sign)) / 2);
                assertThat(type.narrow(middle)).as("middle %s", middle).isEqualTo(bits % 2 == 0 ? low : high);
                assertThat(type.narrow(towardZero(middle))).as("below %s", middle).isEqualTo(low);
                assertThat(type.narrow(awayFromZero(middle))).as("above %s", middle).isEqualTo(high);
            }
        }
    }

    private static float towardZero(float x) {
        return Math.nextAfter(x, 0.0);
    }

    private static float awayFromZero(float x) {
        return Math.nextAfter(x, Math.copySign(Double.POSITIVE_INFINITY, x));
    }

    @ParameterizedTest
    @CsvSource({
        // 65504 is the largest float16, 65520 is half a step further
        "FP16, 65519.996, 65504", "FP16, 65520, Infinity", "FP16, -65520, -Infinity", "FP16, Infinity, Infinity",
        // half the least subnormal 2^-24 goes to the even zero
        "FP16, 2.9802322e-8, 0", "FP16, 2.9802326e-8, 5.9604645e-8", "FP16, -2.9802322e-8, -0.0", "FP16, -0.0, -0.0",
        "BF16, 3.3895314e38, 3.3895314e38", "BF16, 3.3961776e38, Infinity", "BF16, -3.4028235e38, -Infinity",
        "BF16, -Infinity, -Infinity",
        "BF16, 4.591775e-41, 0", "BF16, 4.592e-41, 9.1835e-41", "BF16, -0.0, -0.0", "BF16, 1.00390625, 1",
        "BF16, 1.01171875, 1.015625",
        "FP32, 1.0000001, 1.0000001"})
    void edges(DType type, float x, float expected) {
        assertThat(type.round(x)).isEqualTo(expected);
    }

    /** A NaN whose payload lies in the half that is cut off stays a NaN. */
    @Test
    void everyNaNStaysNaN() {
        for (int bits : new int[] {0x7F800001, 0x7FC00000, 0xFF800001, 0x7F80FFFF, 0x7FFFFFFF, 0xFFFFFFFF}) {
            assertThat(DType.BF16.round(Float.intBitsToFloat(bits))).isNaN();
            assertThat(DType.FP16.round(Float.intBitsToFloat(bits))).isNaN();
        }
    }

    /** No number of the type is nearer than the one that was taken. */
    @ParameterizedTest
    @EnumSource(names = {"FP16", "BF16"})
    void randomNumbersRoundToTheNearest(DType type) {
        Random random = new Random(3);
        for (int n = 0; n < 20_000; n++) {
            float x = (float) (random.nextGaussian() * Math.pow(2, random.nextInt(40) - 28));
            short bits = type.narrow(x);
            BigDecimal taken = distance(type, bits, x);
            assertThat(taken).isLessThanOrEqualTo(distance(type, bits - 1, x)).isLessThanOrEqualTo(distance(type, bits + 1, x));
        }
    }

    private static BigDecimal distance(DType type, int bits, float x) {
        double value = defined(type, bits & 0xFFFF);
        return Double.isFinite(value) ? new BigDecimal(value).subtract(new BigDecimal(x)).abs() : new BigDecimal("1e60");
    }

    @Test
    void fp32HasNo16Bits() {
        assertThatThrownBy(() -> DType.FP32.narrow(1f)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> DType.FP32.widen((short) 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void names() {
        assertThat(DType.of("bf16")).isEqualTo(DType.BF16);
        assertThat(DType.FP16).hasToString("fp16");
        assertThatThrownBy(() -> DType.of("half")).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'half' is none of fp32, fp16, bf16");
    }
}

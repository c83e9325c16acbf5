package io.github.tornadoattention.host.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.host.Algorithm;
import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Backend;
import io.github.tornadoattention.host.DType;
import io.github.tornadoattention.host.Decoding;
import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.Inputs;
import io.github.tornadoattention.host.KvCache;
import io.github.tornadoattention.host.Plan;
import io.github.tornadoattention.host.Rotary;
import io.github.tornadoattention.host.Tensor;
import io.github.tornadoattention.kernels.CachedNumber;
import io.github.tornadoattention.kernels.Options;
import io.github.tornadoattention.simulator.DeviceLimits;
import io.github.tornadoattention.simulator.SimulatedDevice;
import io.github.tornadoattention.simulator.Simulator;
import io.github.tornadoattention.simulator.Traffic;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What decoding does with a device: one graph for all steps, work in proportion to what is seen, contracts that hold. */
class DeviceDecodingTest {
    private final DeviceLimits before = SimulatedDevice.INSTANCE.limits();

    @AfterEach
    void restoreLimits() {
        SimulatedDevice.INSTANCE.limits(before);
    }

    private static Tensor normal(int... shape) {
        return Inputs.normal(new Random(shape[2]), shape);
    }

    private static int[] added(int... numbers) {
        return numbers;
    }

    /** Lengths, numbers of queries and pages change; the graph, which is compiled once, stays. */
    @Test
    void everyStepRunsTheSameGraph() {
        AttentionSpec spec = AttentionSpec.builder(2, 2, 3, 16).seqK(256).causal().build();
        KvCache cache = KvCache.paged(2, 2, 256, 16, 16, 32);
        DeviceDecoding decoding = new DeviceDecoding("simulator", Tiled.SIMULATOR, false, spec, cache, null);
        Stage first = null;
        int[] lengths = {1, 3, 2, 1};
        try (Decoding books = Decoding.on(new Fixed(decoding), spec, cache, null)) {
            for (int n : lengths) {
                books.step(normal(2, 2, n, 16), normal(2, 2, n, 16), normal(2, 2, n, 16));
                first = first == null ? decoding.stage() : first;
                assertThat(decoding.stage()).isNotNull().isSameAs(first);
            }
            books.truncate(0, 1);
            books.append(normal(2, 2, 90, 16), normal(2, 2, 90, 16), added(90, 0));
            books.step(normal(2, 2, 1, 16), normal(2, 2, 1, 16), normal(2, 2, 1, 16));
            assertThat(decoding.stage()).isSameAs(first);
        }
        assertThat(decoding.stage()).isNull();
    }

    /** The simulator, with one plan that is made beforehand. */
    private record Fixed(DeviceDecoding plan) implements Backend {
        @Override
        public String name() {
            return "simulator";
        }

        @Override
        public String device() {
            return "simulator";
        }

        @Override
        public Plan open(AttentionSpec spec, Algorithm algorithm) {
            throw new IllegalStateException("decoding only");
        }

        @Override
        public DeviceDecoding openDecoding(AttentionSpec spec, KvCache cache, @Nullable Rotary rotary) {
            return plan;
        }
    }

    /** Keys and values are read once for all query heads that share them, and only those that somebody sees. */
    @ParameterizedTest
    @CsvSource({"-1, 512, FP32", "99, 100, FP32", "-1, 512, FP16", "99, 100, BF16"})
    void theCacheIsReadOnce(int left, int seen, DType dtype) {
        int turn = 8 * 8; // lines times the most keys of a line
        AttentionSpec spec = AttentionSpec.builder(1, 4, 1, 32).kvHeads(1).seqK(1024).causal().window(left, -1).build();
        KvCache cache = KvCache.contiguous(1, 1, 1024, 32).withDtype(dtype);
        try (Decoding decoding = Decoding.on(Backend.of("simulator"), spec, cache, null)) {
            decoding.append(normal(1, 1, 510, 32), normal(1, 1, 510, 32));
            decoding.step(normal(1, 4, 1, 32), normal(1, 1, 1, 32), normal(1, 1, 1, 32));
            try (Traffic traffic = Traffic.record()) {
                decoding.step(normal(1, 4, 1, 32), normal(1, 1, 1, 32), normal(1, 1, 1, 32));
                int splits = DecodeTiling.choose(spec, dtype, Tiled.SIMULATOR.limits(), units()).splits();
                int argument = List.of(DType.FP32, DType.BF16, DType.FP16).indexOf(dtype) * 2 + 1; // floats, pairs or halves
                Traffic.LaunchTraffic parts = traffic.launches().stream().filter(launch -> launch.task().equals("decoding.parts"))
                        .findFirst().orElseThrow();
                assertThat(parts.arrays().get(argument).bytesRead())
                        .isBetween(seen * 32L * dtype.bytes(), (seen + (long) turn * splits) * 32 * dtype.bytes());
                assertThat(traffic.bytesWritten("decoding.append")).isEqualTo(2 * 32 * dtype.bytes());
            }
        }
    }

    private static int units() {
        return Tiled.SIMULATOR.device().getPhysicalDevice().getDeviceMaxComputeUnits();
    }

    /** Every 16-bit number comes out of the cache as it went in. */
    @ParameterizedTest
    @CsvSource({"FP16", "BF16"})
    void everyNumberOfSixteenBits(DType dtype) {
        int options = dtype == DType.FP16 ? Options.CACHE_HALF : Options.CACHE_BRAIN;
        FloatArray powers = CachedNumber.powers(options);
        List<String> wrong = new ArrayList<>();
        for (int bits = 0; bits < 1 << 16; bits++) {
            for (int element = 6; element < 8; element++) {
                int word = element % 2 == 0 ? bits | 0xDA5A0000 : bits << 16 | 0x7E01;
                float number = CachedNumber.number(options, word, element, powers);
                if (Float.compare(number, dtype.widen((short) bits)) != 0) { // NaN is NaN, and -0 is not 0
                    wrong.add("%04x is %s".formatted(bits, number));
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    /** However a device makes floats of 16-bit numbers, the results are the same bits: lines filled or not, pages, a window. */
    @ParameterizedTest
    @CsvSource({"FP16, 20", "FP16, 128", "BF16, 20", "BF16, 66"})
    void everyReadingIsTheSame(DType dtype, int headDim) {
        AttentionSpec spec = AttentionSpec.builder(2, 4, 2, headDim).kvHeads(2).seqK(128).causal().window(37, -1).build();
        List<float[]> results = new ArrayList<>();
        for (CacheReading reading : CacheReading.values()) {
            KvCache cache = KvCache.paged(2, 2, 128, headDim, 16, 16).withDtype(dtype);
            Rotary rotary = Rotary.halves(100, 8);
            DeviceDecoding decoding = new DeviceDecoding("simulator", Tiled.SIMULATOR, false, spec, cache, rotary, reading);
            try (Decoding books = Decoding.on(new Fixed(decoding), spec, cache, rotary)) {
                books.append(normal(2, 2, 60, headDim), normal(2, 2, 60, headDim));
                books.step(normal(2, 4, 1, headDim), normal(2, 2, 1, headDim), normal(2, 2, 1, headDim));
                Decoding.Result result = books.step(normal(2, 4, 2, headDim), normal(2, 2, 2, headDim), normal(2, 2, 2, headDim));
                results.add(result.out().data().toHeapArray());
            }
        }
        assertThat(results.getFirst()).doesNotContain(Float.NaN, 0f);
        assertThat(results).allSatisfy(result -> assertThat(result).isEqualTo(results.getFirst()));
    }

    /** No race, no read of what was never written. */
    @ParameterizedTest
    @CsvSource({"FP32", "FP16"})
    void watched(DType dtype) {
        AttentionSpec spec = AttentionSpec.builder(1, 4, 2, 20).kvHeads(2).seqK(128).causal().window(60, -1).alibi().softcap(5)
                .build();
        KvCache cache = KvCache.paged(1, 2, 128, 20, 16, 8).withDtype(dtype);
        try (Decoding decoding = Decoding.on(Backend.of("simulator"), spec, cache, Rotary.halves(100, 8));
                Simulator.Scope scope = Simulator.watching()) {
            assertThat(scope).isNotNull();
            decoding.append(normal(1, 2, 70, 20), normal(1, 2, 70, 20));
            decoding.step(normal(1, 4, 1, 20), normal(1, 2, 1, 20), normal(1, 2, 1, 20));
            decoding.step(normal(1, 4, 2, 20), normal(1, 2, 2, 20), normal(1, 2, 2, 20));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 64", "8, 1, 128", "16, 16, 80", "8, 2, 256", "1, 5, 17"})
    void localMemoryIsWhatTheContractSays(int shared, int queries, int headDim) {
        AttentionSpec spec = AttentionSpec.builder(1, shared, queries, headDim).kvHeads(1).seqK(64).build();
        DecodeTiling tiling = DecodeTiling.choose(spec, DType.FP32, Tiled.SIMULATOR.limits(), 1);
        assertThat(tiling.rows() * tiling.rowTiles()).isGreaterThanOrEqualTo(shared * queries);
        long bytes = tiling.localBytes();
        KvCache cache = KvCache.contiguous(1, 1, 64, headDim);
        try (Decoding decoding = Decoding.on(Backend.of("simulator"), spec, cache, null)) {
            SimulatedDevice.INSTANCE.limits(before.withLocalBytes(bytes));
            decoding.attend(normal(1, shared, queries, headDim));
            SimulatedDevice.INSTANCE.limits(before.withLocalBytes(bytes - 1));
            assertThatThrownBy(() -> decoding.attend(normal(1, shared, queries, headDim))).isInstanceOf(DeviceException.class);
        }
        assertThatThrownBy(() -> Decoding.on(Backend.of("simulator"), spec, KvCache.contiguous(1, 1, 64, headDim), null))
                .isInstanceOf(DeviceException.class)
                .hasMessage("decoding needs %d bytes of local memory, the device has %d", bytes, bytes - 1);
    }

    /** More parts where there are more compute units and fewer heads; never more than the capacity is worth. */
    @Test
    void aSingleQueryFillsTheDevice() {
        Limits limits = Tiled.SIMULATOR.limits();
        AttentionSpec one = AttentionSpec.builder(1, 8, 1, 64).kvHeads(1).seqK(1 << 20).build();
        assertThat(DecodeTiling.choose(one, DType.FP32, limits, 132).groups(one)).isEqualTo(4 * 132);
        AttentionSpec many = AttentionSpec.builder(64, 32, 1, 64).kvHeads(32).seqK(1 << 10).build();
        assertThat(DecodeTiling.choose(many, DType.FP32, limits, 132).splits()).isEqualTo(1);
        AttentionSpec several = AttentionSpec.builder(16, 32, 1, 128).kvHeads(8).seqK(1 << 12).build();
        assertThat(DecodeTiling.choose(several, DType.FP16, limits, 132).splits()).isEqualTo(4); // of 128 groups, of 528 that fit
        AttentionSpec uneven = AttentionSpec.builder(34, 32, 1, 128).kvHeads(8).seqK(1 << 12).build();
        assertThat(DecodeTiling.choose(uneven, DType.FP16, limits, 132).splits()).isEqualTo(3); // 272 groups: two waves
        AttentionSpec small = AttentionSpec.builder(1, 1, 1, 64).seqK(100).build();
        assertThat(DecodeTiling.choose(small, DType.FP32, limits, 132).splits()).isEqualTo(1);
    }
}

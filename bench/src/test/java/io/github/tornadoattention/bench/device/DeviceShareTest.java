package io.github.tornadoattention.bench.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.tornadoattention.bench.Call;
import io.github.tornadoattention.bench.Result;
import io.github.tornadoattention.bench.ResultsFile;
import io.github.tornadoattention.host.UsageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceShareTest {
    private static final long GIB = 1L << 30;

    @TempDir
    Path folder;

    private DeviceShare share() {
        return DeviceShare.of(folder.resolve("lock"), 4 * GIB);
    }

    @Test
    void aJobIsTakenOnce() {
        try (DeviceShare a = share(); DeviceShare b = share()) {
            DeviceShare.Hold held = a.claim("one");
            assertThat(held).isNotNull();
            assertThat(b.claim("one")).isNull();
            try (DeviceShare.Hold other = b.claim("two")) {
                assertThat(other).isNotNull();
            }
            held.close();
            try (DeviceShare.Hold again = b.claim("one")) {
                assertThat(again).isNotNull();
            }
        }
    }

    /** Half and half fit, a third half waits for one of them; what is larger than everything waits for all. */
    @Test
    void memoryIsSharedOut() throws Exception {
        try (DeviceShare share = share(); ExecutorService others = Executors.newCachedThreadPool()) {
            DeviceShare.Hold first = share.memory(2 * GIB);
            DeviceShare.Hold second = share.memory(2 * GIB - 1);
            Future<DeviceShare.Hold> third = others.submit(() -> share.memory(1));
            Future<DeviceShare.Hold> all = others.submit(() -> share.memory(100 * GIB));
            TimeUnit.MILLISECONDS.sleep(200);
            assertThat(third.isDone()).isFalse();
            second.close();
            DeviceShare.Hold small = third.get(10, TimeUnit.SECONDS);
            small.close();
            TimeUnit.MILLISECONDS.sleep(200);
            assertThat(all.isDone()).isFalse();
            first.close();
            all.get(10, TimeUnit.SECONDS).close();
        }
    }

    @Test
    void oneAtATimeOnTheDevice() throws Exception {
        try (DeviceShare a = share(); DeviceShare b = share(); ExecutorService other = Executors.newSingleThreadExecutor()) {
            DeviceShare.Hold held = a.device();
            Future<DeviceShare.Hold> waiting = other.submit(b::device);
            TimeUnit.MILLISECONDS.sleep(100);
            assertThat(waiting.isDone()).isFalse();
            held.close();
            waiting.get(10, TimeUnit.SECONDS).close();
        }
    }

    @Test
    void aloneNothingIsRefused() {
        DeviceShare alone = DeviceShare.alone();
        assertThat(alone.shared()).isFalse();
        assertThat(alone.claim("x")).isNotNull();
        assertThat(alone.claim("x")).isNotNull();
        assertThat(alone.memory(Long.MAX_VALUE / 2)).isNotNull();
        assertThat(alone.device()).isNotNull();
    }

    @Test
    void aFileThatCannotBe() {
        assertThatThrownBy(() -> DeviceShare.of(folder.resolve("no/lock"), GIB)).isInstanceOf(UsageException.class)
                .hasMessageContaining("--lock");
    }

    /** What another process holds is respected, and free once that was killed. */
    @Test
    void aProcessThatIsKilledHoldsNothing() throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Holder.class.getName(), folder.resolve("lock").toString())
                .redirectErrorStream(true).start();
        try (DeviceShare share = share(); BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(said.readLine()).isEqualTo("held");
            assertThat(share.claim("one")).isNull();
            process.destroyForcibly().waitFor();
            try (DeviceShare.Hold held = share.turn("one")) {
                assertThat(held).isNotNull();
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** Takes a job and keeps it. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws IOException {
            try (DeviceShare share = DeviceShare.of(Path.of(args[0]), GIB); DeviceShare.Hold held = share.turn("one")) {
                System.out.println(held == null ? "nothing" : "held");
                int end = System.in.read();
                System.exit(end);
            }
        }
    }

    /** Several processes with the same command measure everything once, whichever does what. */
    @Test
    void theSameCommandSeveralTimes() throws Exception {
        String[] command = {"device", "--backend", "simulator", "--shape", "1,1,20,8 1,1,21,8 1,1,22,8 1,1,23,8 1,1,24,8",
            "--runs", "1", "--out", folder.resolve("r.jsonl").toString(), "--lock", folder.resolve("lock").toString()};
        List<Future<Call>> calls = new ArrayList<>();
        try (ExecutorService processes = Executors.newFixedThreadPool(3)) {
            Callable<Call> call = () -> Call.of(command);
            for (int n = 0; n < 3; n++) {
                calls.add(processes.submit(call));
            }
            for (Future<Call> future : calls) {
                assertThat(future.get().err()).isEmpty();
                assertThat(future.get().exitCode()).isZero();
            }
        }
        List<Result> results = ResultsFile.readQuietly(folder.resolve("r.jsonl"));
        assertThat(results).hasSize(15).allMatch(Result::timed);
        assertThat(results).extracting(Result::identity).doesNotHaveDuplicates();
        assertThat(Call.of(command).done().out()).contains("the file has it all");
    }
}

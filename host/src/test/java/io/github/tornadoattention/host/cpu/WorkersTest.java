package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkersTest {
    @Test
    void eachTaskRunsOnce() {
        try (Workers workers = new Workers(4)) {
            for (int tasks : new int[] {0, 1, 3, 4, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                workers.run(tasks, (worker, task) -> {
                    assertThat(worker).isBetween(0, 3);
                    runs.incrementAndGet(task);
                });
                for (int task = 0; task < tasks; task++) {
                    assertThat(runs.get(task)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void aFailureReachesTheCallerAndTheNextRunWorks() {
        try (Workers workers = new Workers(3)) {
            assertThatThrownBy(() -> workers.run(100, (worker, task) -> {
                if (task == 57) {
                    throw new IllegalStateException("task 57");
                }
            })).isInstanceOf(IllegalStateException.class).hasMessage("task 57");
            assertThatThrownBy(() -> workers.run(1, (worker, task) -> {
                throw new OutOfMemoryError("pretended");
            })).isInstanceOf(OutOfMemoryError.class);

            AtomicIntegerArray runs = new AtomicIntegerArray(10);
            workers.run(10, (worker, task) -> runs.incrementAndGet(task));
            assertThat(runs.get(9)).isEqualTo(1);
        }
    }
}

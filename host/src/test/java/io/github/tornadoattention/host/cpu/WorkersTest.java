package io.github.tornadoattention.host.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
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

    @Test
    void manyShortRunsSeeEveryResult() {
        try (Workers workers = new Workers(3)) {
            int[] results = new int[7];
            for (int run = 1; run <= 20_000; run++) {
                int number = run;
                workers.run(1 + run % 7, (worker, task) -> results[task] = number);
                for (int task = 0; task < 1 + run % 7; task++) {
                    assertThat(results[task]).isEqualTo(number);
                }
            }
        }
    }

    @Test
    void othersTakePart() {
        try (Workers workers = new Workers(2)) {
            for (int run = 0; run < 3; run++) {
                CountDownLatch both = new CountDownLatch(2);
                workers.run(2, (worker, task) -> {
                    both.countDown();
                    assertThat(await(both)).as("each of two workers takes one of two tasks that wait for each other").isTrue();
                });
            }
        }
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void anInterruptionWaitsUntilAllIsDone() {
        try (Workers workers = new Workers(2)) {
            AtomicIntegerArray runs = new AtomicIntegerArray(2);
            CountDownLatch both = new CountDownLatch(2);
            workers.run(2, (worker, task) -> {
                both.countDown();
                assertThat(await(both)).isTrue();
                if (worker == 0) {
                    Thread.currentThread().interrupt();
                } else {
                    LockSupport.parkNanos(20_000_000);
                }
                runs.incrementAndGet(task);
            });
            assertThat(runs.get(0) + runs.get(1)).isEqualTo(2);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void closedTheCallerWorksAlone() throws InterruptedException {
        Workers workers = new Workers(3);
        List<Thread> threads = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch all = new CountDownLatch(3);
        workers.run(3, (worker, task) -> {
            threads.add(Thread.currentThread());
            all.countDown();
            assertThat(await(all)).isTrue();
        });
        workers.close();
        for (Thread thread : threads) {
            if (thread != Thread.currentThread()) {
                thread.join(60_000);
                assertThat(thread.isAlive()).isFalse();
            }
        }
        AtomicIntegerArray runs = new AtomicIntegerArray(5);
        workers.run(5, (worker, task) -> {
            assertThat(worker).isZero();
            runs.incrementAndGet(task);
        });
        assertThat(runs.get(4)).isEqualTo(1);
    }
}

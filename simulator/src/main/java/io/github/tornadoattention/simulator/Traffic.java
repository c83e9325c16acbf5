package io.github.tornadoattention.simulator;

import io.github.tornadoattention.simulator.engine.TrafficRecorder;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Counts the bytes that kernels read from and write to global arrays, exactly: one {@code get} or {@code set} of a float is four
 * bytes. It counts every launch of this JVM from {@link #record()} to {@link #close()}, and slows them to one thread.
 *
 * <pre>{@code
 * try (Traffic traffic = Traffic.record()) {
 *     plan.execute();
 *     long bytes = traffic.bytesRead("attention.forward", k);
 * }
 * }</pre>
 */
public final class Traffic implements AutoCloseable {

    /**
     * One array in one launch.
     *
     * @param array the array of the host, as the task was given it
     * @param bytesRead bytes that work-items read
     * @param bytesWritten bytes that work-items wrote
     */
    public record ArrayTraffic(TornadoNativeArray array, long bytesRead, long bytesWritten) {
    }

    /**
     * One launch.
     *
     * @param task {@code graph.task}
     * @param arrays the kernel's arrays in the order of its arguments
     * @param localBytesRead bytes that work-items read from local arrays, each work-item's read for itself; counted only while
     * the simulator watches ({@link Simulator#watching}), else 0
     * @param localBytesWritten likewise, written
     */
    public record LaunchTraffic(String task, List<ArrayTraffic> arrays, long localBytesRead, long localBytesWritten) {
    }

    private final List<LaunchTraffic> launches = new CopyOnWriteArrayList<>();
    private final Consumer<LaunchTraffic> listener = launches::add;

    private Traffic() {
    }

    /** Starts to count. */
    public static Traffic record() {
        Traffic traffic = new Traffic();
        TrafficRecorder.add(traffic.listener);
        return traffic;
    }

    /** The launches so far, in order; only those that ran to their end. */
    public List<LaunchTraffic> launches() {
        return List.copyOf(launches);
    }

    /** Bytes that all launches read. */
    public long bytesRead() {
        return sum(null, null, ArrayTraffic::bytesRead);
    }

    /** Bytes that all launches wrote. */
    public long bytesWritten() {
        return sum(null, null, ArrayTraffic::bytesWritten);
    }

    /** Bytes that the launches of a task, {@code graph.task}, read. */
    public long bytesRead(String task) {
        return sum(task, null, ArrayTraffic::bytesRead);
    }

    /** Bytes that the launches of a task, {@code graph.task}, wrote. */
    public long bytesWritten(String task) {
        return sum(task, null, ArrayTraffic::bytesWritten);
    }

    /** Bytes that the launches of a task read from one of the host's arrays. */
    public long bytesRead(String task, TornadoNativeArray array) {
        return sum(task, array, ArrayTraffic::bytesRead);
    }

    /** Bytes that the launches of a task wrote to one of the host's arrays. */
    public long bytesWritten(String task, TornadoNativeArray array) {
        return sum(task, array, ArrayTraffic::bytesWritten);
    }

    @SuppressWarnings("ReferenceEquality") // the very same array, not an equal one
    private long sum(String task, TornadoNativeArray array, ToLongFunction<ArrayTraffic> bytes) {
        return launches.stream().filter(launch -> task == null || launch.task().equals(task))
                .flatMap(launch -> launch.arrays().stream()).filter(entry -> array == null || entry.array() == array)
                .mapToLong(bytes).sum();
    }

    /** Ends to count; what was counted stays. */
    @Override
    public void close() {
        TrafficRecorder.remove(listener);
    }
}

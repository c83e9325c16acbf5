package io.github.tornadoattention.bench.device;

import io.github.tornadoattention.host.UsageException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What several benchmark processes on one machine share: a device, its memory and a list of jobs. They agree by locking ranges of
 * one file, which stays empty: its first byte is the device, as many bytes behind it as there are MiB are memory, and far behind
 * those each job has a byte. The system gives back what a process held that ended, however it ended.
 */
final class DeviceShare implements AutoCloseable {
    private static final long MIB = 1 << 20;
    private static final long MEMORY = 1;
    /** Memory is taken in pieces that begin at multiples of this, in MiB. */
    private static final long STEP = 256;
    private static final long JOBS = 1L << 40;
    private static final long PATIENCE_NANOS = 5_000_000;

    private final @Nullable FileChannel file;
    private final long mebibytes;

    private DeviceShare(@Nullable FileChannel file, long mebibytes) {
        this.file = file;
        this.mebibytes = mebibytes;
    }

    /** A process that is alone gets all it asks for. */
    static DeviceShare alone() {
        return new DeviceShare(null, 0);
    }

    /**
     * Shares with all processes that name this file.
     *
     * @param memory bytes that all of them may use together; each has to name the same number
     * @throws UsageException if the file cannot be written
     */
    static DeviceShare of(Path path, long memory) {
        try {
            return new DeviceShare(
                    FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    Math.max(STEP, memory / MIB));
        } catch (IOException e) {
            throw new UsageException("--lock %s cannot be written: %s".formatted(path, e), e);
        }
    }

    /** Whether there are others, or may be. */
    boolean shared() {
        return file != null;
    }

    /** Something that is held until it is closed. */
    @FunctionalInterface
    interface Hold extends AutoCloseable {
        @Override
        void close();
    }

    /** Waits until nobody else computes on the device, and keeps it so. */
    Hold device() {
        Hold hold = tryLock(0, 1);
        while (hold == null) {
            LockSupport.parkNanos(PATIENCE_NANOS);
            hold = tryLock(0, 1);
        }
        return hold;
    }

    /** Waits until there is room for so many bytes; what needs more than there is gets all of it. */
    Hold memory(long bytes) {
        long needed = Math.clamp(Math.ceilDiv(bytes, MIB * STEP) * STEP, STEP, mebibytes == 0 ? STEP : mebibytes);
        while (true) {
            for (long at = 0; at == 0 || at + needed <= mebibytes; at += STEP) {
                Hold hold = tryLock(MEMORY + at, needed);
                if (hold != null) {
                    return hold;
                }
            }
            LockSupport.parkNanos(10 * PATIENCE_NANOS);
        }
    }

    /** Takes a job by its name, null if another process has it. */
    @Nullable Hold claim(String job) {
        return tryLock(JOBS + Integer.toUnsignedLong(job.hashCode()), 1);
    }

    /** Waits until nobody else has a job. */
    Hold turn(String job) {
        Hold hold = claim(job);
        while (hold == null) {
            LockSupport.parkNanos(10 * PATIENCE_NANOS);
            hold = claim(job);
        }
        return hold;
    }

    private @Nullable Hold tryLock(long position, long size) {
        if (file == null) {
            return () -> { };
        }
        try {
            FileLock lock = file.tryLock(position, size, false);
            return lock == null ? null : () -> release(lock);
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this process has it
        } catch (IOException e) {
            throw new UsageException("the file of --lock cannot be locked: %s".formatted(e), e);
        }
    }

    private static void release(FileLock lock) {
        try {
            lock.release();
        } catch (IOException e) {
            throw new UsageException("the file of --lock cannot be unlocked: %s".formatted(e), e);
        }
    }

    @Override
    public void close() {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            throw new UsageException("the file of --lock cannot be closed: %s".formatted(e), e);
        }
    }
}

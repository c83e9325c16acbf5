package io.github.tornadoattention.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.tornadoattention.host.DeviceException;
import io.github.tornadoattention.host.UnavailableException;
import io.github.tornadoattention.host.UsageException;
import io.github.tornadoattention.host.launch.LaunchException;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/** Exceptions become exit codes in one place. */
class FailureTest {
    @Test
    void exitCodes() {
        assertThat(Failure.of(new UsageException("x")).exitCode()).isEqualTo(2);
        assertThat(Failure.of(new UnavailableException("x")).exitCode()).isEqualTo(3);
        assertThat(Failure.of(new LaunchException("x")).exitCode()).isEqualTo(3);
        assertThat(Failure.of(new DeviceException("x")).exitCode()).isEqualTo(4);
        assertThat(Failure.of(new TornadoRuntimeException("x")).exitCode()).isEqualTo(4);
        assertThat(Failure.of(new OutOfMemoryError("Java heap space")).exitCode()).isEqualTo(4);
        assertThat(Failure.of(new IllegalStateException("x")).exitCode()).isEqualTo(70);
        assertThat(Failure.of(new StackOverflowError()).exitCode()).isEqualTo(70);
    }

    @Test
    void aDriverWithoutItsLibrary() {
        Throwable missing = new ExceptionInInitializerError(
                new IllegalStateException(new UnsatisfiedLinkError("libcuda.so.1: not found")));
        Throwable again = new NoClassDefFoundError("Could not initialize class Runtime");
        again.initCause(new ExceptionInInitializerError(
                "Exception java.lang.UnsatisfiedLinkError: libcuda.so.1 [in thread main]"));
        Throwable refused = new ExceptionInInitializerError(new TornadoRuntimeException("libcuda.so.1 not found"));
        for (Throwable e : new Throwable[] {missing, again, refused}) {
            assertThat(Failure.of(e).exitCode()).isEqualTo(3);
            assertThat(Failure.of(e).line()).contains("cannot load its driver", "libcuda.so.1", "unset TORNADOVM_HOME");
        }
        assertThat(Failure.of(new NoClassDefFoundError("x")).exitCode()).isEqualTo(70);
    }

    @Test
    void oneLineWhateverTheMessageHolds() {
        assertThat(Failure.of(new UsageException("\u001B[31mfirst\u001B[0m\n\n  second\r\nthird")).line())
                .isEqualTo("first; second; third");
        assertThat(Failure.of(new NullPointerException()).line()).contains("internal error: NullPointerException", "--verbose");
    }
}

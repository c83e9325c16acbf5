package io.github.tornadoattention.simulator.engine;

import java.util.concurrent.Semaphore;

/** A coroutine on a virtual thread. It and its resumer hand over to each other, so that only one of them runs. */
final class ThreadCoroutine implements Coroutine {

    private final Runnable code;
    private final Semaphore go = new Semaphore(0);
    private final Semaphore back = new Semaphore(0);
    private Thread thread;
    private boolean done;
    private boolean abandoned;

    ThreadCoroutine(Runnable code) {
        this.code = code;
    }

    @Override
    public void resume() {
        if (thread == null) {
            thread = Thread.ofVirtual().name("work-item").start(this::body);
        } else {
            go.release();
        }
        back.acquireUninterruptibly();
    }

    private void body() {
        try {
            code.run();
        } catch (Abandoned left) {
            // The group has failed; this work-item just ends.
        } finally {
            done = true;
            back.release();
        }
    }

    @Override
    public void pause() {
        back.release();
        go.acquireUninterruptibly();
        if (abandoned) {
            throw new Abandoned();
        }
    }

    @Override
    public boolean isDone() {
        return done;
    }

    @Override
    public void abandon() {
        if (thread != null && !done) {
            abandoned = true;
            go.release();
            back.acquireUninterruptibly();
        }
    }

    /** Unwinds a work-item that nobody waits for. */
    static final class Abandoned extends Error {

        private static final long serialVersionUID = 1L;

        Abandoned() {
            super(null, null, false, false);
        }
    }
}

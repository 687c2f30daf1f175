"""The native part of netrender: masters, slaves and clients that run in threads of their own.

No method calls back into Python. `events()` returns what happened since the last call and never blocks; whoever wants
to know drains it, in Blender from a timer. Calls that reach the network say so and release the interpreter while they
wait; every one of them is bounded in time. All times are in seconds, all sizes in bytes.
"""

from collections.abc import Sequence
from os import PathLike
from types import TracebackType
from typing import Generic, Literal, TypeVar, final

__version__: str

_Answer_co = TypeVar("_Answer_co", covariant=True)

class NetrenderError(Exception):
    """Something failed; the text is one sentence of what failed, on what, and what to try."""

    code: str
    """For programs: `not_found`, `unauthorized`, … as in the HTTP interface."""

class Unreachable(NetrenderError):
    """Nobody answers at that address. Nothing was lost; try again later."""

class Refused(NetrenderError):
    """The other side said no: wrong key, or it contradicts what happened meanwhile."""

class VersionMismatch(Refused):
    """The two sides speak different versions; the text says which one to update."""

class NotFound(NetrenderError):
    """There is no such job, frame or slave (any more)."""

class InvalidJob(NetrenderError):
    """The file or the settings cannot be rendered as they are."""

class Stopped(NetrenderError):
    """The handle was stopped, or the user interrupted it."""

class Timeout(NetrenderError):
    """It took longer than allowed."""

@final
class Happening:
    """Something that happened since the last look."""

    kind: Literal["started", "stopped", "info", "warning", "error", "log"]
    text: str

@final
class Master:
    """A running master."""

    @classmethod
    def start(
        cls,
        *,
        path: str | None = None,
        address: str = "[default]",
        port: int = 8000,
        broadcast: bool = True,
        clear_on_exit: bool = False,
        access: Literal["key", "open"] = "key",
        ssl: str | None = None,
        ssl_key: str | None = None,
        force_upload: bool = False,
    ) -> Master:
        """Starts a master; returns as soon as it listens.

        `path`: folder for its state and files, the user's data folder if None. `address`: interface to listen on,
        "[default]" for all. `port`: 0 takes a free one. `ssl`: a PEM file with the certificate and after it its chain of
        trust, or "self-signed" for one of the master's own; `ssl_key`: the PEM file with its key, None if it lies in the same
        one. `force_upload`: clients upload every file, even one that the master could read from a shared disk. Raises OSError if the port is taken or a file or path cannot be used, InvalidJob if a certificate is wrong.
        """
    @property
    def url(self) -> str:
        """Where it is reached from this machine, such as `http://127.0.0.1:8000`."""
    @property
    def key(self) -> str | None:
        """The farm's key, to be pasted on other machines; None with open access."""
    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the certificate that it shows; None without TLS."""
    def renew_certificate(self) -> None:
        """Reads the files of the certificate again, now; by itself it does so a moment after they have changed."""
    def renew_key(self) -> str:
        """Puts a new key in the place of the farm's, and returns which farm it is now. The old key is refused from then on."""
    @property
    def running(self) -> bool:
        """False once it was stopped, or ended by itself (then `events()` tells why)."""
    def status(self) -> MasterStatus:
        """What it does now, from memory: never blocks."""
    def events(self) -> list[Happening]:
        """What happened since the last call, oldest first; bounded, never blocks."""
    def stop(self, timeout: float = 5.0) -> None:
        """Ends it, all state safe on disk. Returns within `timeout`; a second call does nothing."""
    def __enter__(self) -> Master: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...

@final
class MasterStatus:
    """A master at one moment."""

    text: str
    """One line for people, such as `2 slaves, 1 job, 12 of 48 frames done`."""
    slaves: int
    jobs: int
    frames_done: int
    frames: int

@final
class Slave:
    """A running slave."""

    @classmethod
    def start(
        cls,
        *,
        master: str = "auto",
        path: str | None = None,
        blenders: Sequence[str] = (),
        name: str | None = None,
        tags: Sequence[str] = (),
        gpus: Sequence[str] = (),
        slots: int = 1,
        threads: int = 0,
        cache_gib: int = 20,
        copy_to: str | None = None,
        hang_timeout: int = 1800,
        exit_when_idle: int | None = None,
        disk_free_gib: int | None = None,
        clear_on_exit: bool = True,
        log_console: bool = False,
        thumbnails: bool = True,
        allow_scripts: bool = False,
        allow_local_repositories: bool = False,
        key_file: str | None = None,
        wait: bool = True,
    ) -> Slave:
        """Starts a slave; returns at once, it finds its master in the background and goes on looking.

        `master`: a URL, `host:port`, or "auto" to find one by its broadcast. `blenders`: executables of Blender, or
        Pythons that have the `bpy` module; with none, those on PATH are tried. `gpus`: what it renders with
        beside the processor, such as "cuda", for requirements of jobs; with none, what the system tells. With "cuda:0" or "cpu"
        Cycles also renders with just that. `slots`: chunks to render at once, each in a Blender of its own. `threads`: those
        of each Blender, 0 for the cores, shared out to the slots. `cache_gib`: most that jobs' files may take on its disk,
        beside those in use. `copy_to`: a folder that gets a copy of each result. `hang_timeout`: seconds of silence after
        which a Blender is taken to hang. `exit_when_idle`: ends after so many seconds without anything to do. `disk_free_gib`: with
        less free on its disk it takes no work; None for 1, or a twentieth of a small disk. `thumbnails`: whether a small picture
        goes to the master with each result. Raises InvalidJob if no Blender works, OSError if a folder is not writable; to find
        that out starts each Blender once.
        Without `wait` that goes on in the background, and is told by `events()` as its last error.
        """
    def drain(self) -> None:
        """Lets it end by itself: what is being rendered is finished and delivered, what waits is given back."""
    @property
    def draining(self) -> bool:
        """Whether it ends by itself, or has: it was asked to, or had nothing to do for long enough."""
    @property
    def running(self) -> bool: ...
    def status(self) -> SlaveStatus:
        """What it does now, from memory: never blocks."""
    def events(self) -> list[Happening]:
        """What happened since the last call, oldest first; bounded, never blocks. Kind `log` is Blender's output."""
    def stop(self, timeout: float = 5.0) -> None:
        """Ends it and its Blender; what it rendered is given back or kept for delivery. A second call does nothing."""
    def __enter__(self) -> Slave: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...

@final
class SlaveStatus:
    """A slave at one moment."""

    state: Literal["connecting", "idle", "fetching", "rendering", "stopped"]
    text: str
    """One line for people, such as `rendering frame 12 of shot_010`."""
    master: str | None
    """The master's URL, once found."""
    id: str | None
    done: int
    """Frames finished since it started."""

@final
class Pending(Generic[_Answer_co]):
    """A question on its way to the master."""

    def wait(self, timeout: float) -> _Answer_co | None:
        """The answer, or None if it is not here after `timeout`; 0 never blocks. Raises what made it fail."""
    def stop(self) -> None:
        """Gives the question up; what the master has done by then stays done. A second call does nothing."""
    def __class_getitem__(cls, answer: object, /) -> type[Pending[_Answer_co]]: ...

@final
class Client:
    """A connection to a master.

    Methods reach the network and wait, each for a bounded time, unless they say otherwise. `later` has those that need not
    be waited for.
    """

    @classmethod
    def connect(
        cls, *, master: str = "auto", key_file: str | None = None, key: str | None = None, timeout: float = 10.0
    ) -> Client:
        """Finds the master, has it prove the farm's key, and checks its version.

        A certificate that the system's roots do not vouch for is kept at the first meeting; a change is Refused.
        """
    @classmethod
    def start_connect(
        cls, *, master: str = "auto", key_file: str | None = None, key: str | None = None, timeout: float = 10.0
    ) -> Pending[Client]: ...
    @property
    def url(self) -> str: ...
    @property
    def role(self) -> Literal["admin", "submit", "render"]:
        """What the key that is used allows: everything, to send jobs, to be a slave. From memory."""
    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the master's certificate; None without TLS. From memory."""
    @property
    def later(self) -> Later:
        """The same questions without waiting for their answers."""
    def renew_key(self) -> str:
        """Has the master replace the farm's key, and returns which farm it is now. This client is refused from then on, too."""
    def submit(
        self,
        blend: str,
        *,
        blender: Sequence[str] | None = None,
        frames: str | None = None,
        tiles: str = "1x1",
        tiles_exact: bool = False,
        name: str | None = None,
        category: str = "",
        tags: Sequence[str] = (),
        requirements: str = "",
        priority: int = 1,
        chunks: int = 0,
        scene: str | None = None,
        engine: str | None = None,
        resolution_percent: int | None = None,
        samples: int | None = None,
        final_frames: bool = False,
        allow_missing: bool = False,
        without_scripts: bool = False,
        after: Sequence[str] = (),
        attempts: int = 0,
        silence_time: int = 0,
        stall_time: int = 0,
        frame_time: int = 0,
        bakes: Literal["never", "only", "first"] = "never",
        bake_order: str | None = None,
        vcs: Literal["svn", "git", "auto"] | None = None,
        revision: str | None = None,
        remote: str | None = None,
        working_copy: str | None = None,
    ) -> Submission:
        """Starts to send a saved .blend with all it needs; returns at once.

        The file is opened by a child Blender (`blender`: its command, None for the first one found) that lists what it
        depends on; the artist's file is never changed. `frames`: "1-10,20", None for the scene's own range. `tiles`:
        columns and rows that each frame is cut into for several slaves, such as "4x3", or "auto"; `tiles_exact` refuses
        tiles that equal the whole frame only within its noise. `chunks`: frames per lease, 0 lets the master choose. `requirements`: what slaves must be beside their tags, such as
        "cores>=8; memory_gib>=32; os=linux; gpu=cuda; slave=a,b; blender=4.2". `final_frames`: slaves also make what a local
        render of the scene writes (see Finish). `allow_missing`: send it even if files that it needs are not there.
        `without_scripts`: scripts inside of the file do not run; else only slaves that allow them render a file that has some.
        `after`: jobs that must be finished before. `attempts`, `silence_time`, `stall_time`, `frame_time`: the job's own
        limits (see FarmSettings), 0 for the farm's. `bakes`: what is done about simulations that are not baked: nothing but to warn
        of them; a job that bakes them "only"; or such a job "first", with whose bakes this one is rendered (its id is the progress'
        `bake_job`). `bake_order`: bakes or objects in the order wanted, between commas. `vcs`: send no files, but the revision that lies in the working copy of
        Subversion or Git; `revision`, `remote`, `working_copy` as in `guess_version`, with `vcs` "auto" if it is not named.
        Whatever the scene needs must lie in the working copy as it is in the revision, else it fails with InvalidJob.
        """
    def bring_bakes(self, job: str, folder: str, *, blend: str | None = None, blender: str | None = None) -> Bakes:
        """Brings the bakes that are done into `folder`, best that of the artist's .blend; an older bake of the same place goes.

        With `blend` the folder also gets a copy of that file, `<name>_baked.blend`, which plays them back; `blender` makes it,
        None for the first one found of the job's series. `blend` itself is never changed. Raises InvalidJob if the job bakes
        nothing.
        """
    def jobs(self) -> list[JobInfo]: ...
    def job(self, job: str) -> JobInfo:
        """Raises NotFound."""
    def frames(self, job: str, *, offset: int = 0, limit: int = 1000) -> list[FrameInfo]: ...
    def slaves(self) -> list[SlaveInfo]: ...
    def explain_job(self, job: str) -> list[str]:
        """Why a job does not go on, or what it is doing, in sentences of the code that decides. Raises NotFound."""
    def explain_slave(self, slave: str) -> list[str]:
        """What a slave does, or why it does nothing, in sentences. Raises NotFound."""
    def rules(self) -> Rules:
        """The rules by which jobs are balanced."""
    def set_rules(
        self, *, share: int | bool | None = None, new_first: int | bool | None = None, starving_first: int | bool | None = None
    ) -> Rules:
        """Changes rules of balancing, at once and for good; returns all of them.

        A number sets a limit and switches the rule on, a bool switches it, None leaves it as it is.
        """
    def pause(self, job: str) -> None: ...
    def resume(self, job: str) -> None: ...
    def cancel(self, job: str) -> None:
        """Ends the job now; finished frames stay."""
    def cancel_all(self) -> None:
        """Ends every job that is not over."""
    def remove(self, job: str, *, keep_results: bool = False) -> None:
        """Cancels the job and deletes its files and results on the master.

        With `keep_results` the results stay on the master's disk, in the folder `kept` of its path.
        """
    def edit(
        self,
        job: str,
        *,
        name: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
        requirements: str | None = None,
        priority: int | None = None,
        chunks: int | None = None,
        frames: str | None = None,
        add_frames: str | None = None,
        remove_frames: str | None = None,
        after: Sequence[str] | None = None,
        attempts: int | None = None,
        silence_time: int | None = None,
        stall_time: int | None = None,
        frame_time: int | None = None,
    ) -> JobInfo:
        """Changes a job; what is None stays as it is. Returns the job as it is then.

        `frames`: these and no others; results of those that stay are kept. `after`: jobs that must be finished before;
        raises Refused if that would make jobs wait for each other.
        """
    def reset(self, job: str, *, frames: str | None = None, everything: bool = False) -> None:
        """Lets frames be rendered anew: those that failed, or `frames`, or `everything`. A job that is over goes on."""
    def blacklist(self, job: str | None = None) -> list[Ban]:
        """Who is on the blacklist of a job, or on the farm's: those that failed frame after frame, and whom people put there."""
    def ban(self, slave: str, *, job: str | None = None, reason: str = "") -> None:
        """Lets a slave get nothing more of a job, or of any; what it renders of that is stopped."""
    def lift_ban(self, slave: str | None = None, *, job: str | None = None) -> None:
        """Takes a slave off the blacklist of a job, or off the farm's; all slaves if none is named."""
    def settings(self) -> FarmSettings: ...
    def set_settings(
        self,
        *,
        attempts: int | None = None,
        silence_time: int | None = None,
        stall_time: int | None = None,
        frame_time: int | None = None,
        blacklist_after: int | None = None,
        blacklist_time: int | None = None,
        set_aside_after: int | None = None,
        set_aside_time: int | None = None,
        hopeless_after: int | None = None,
        straggler_time: int | None = None,
        keep_days: int | None = None,
        keep_jobs: int | None = None,
        disk_free: int | None = None,
        force_upload: bool | None = None,
    ) -> FarmSettings:
        """Changes settings of the farm; what is None stays as it is. Returns all of them."""
    def log(self, job: str, frame: int, *, attempt: int | None = None, offset: int = 0) -> str:
        """What Blender printed in the frame's latest attempt, or in the one given, from a byte on. Raises NotFound."""
    def thumbnail(self, job: str, frame: int, *, width: int = 240) -> bytes:
        """A small picture of a finished frame as PNG, about `width` (16 to 1920) pixels wide, never wider than the frame.

        It shows the Combined pass of the first view layer, without Blender's view transform and compositing.
        """
    def wait(self, job: str, timeout: float) -> JobInfo:
        """The job once it is over (finished, failed or cancelled), or as it is after `timeout`. Raises NotFound.

        A master that is away meanwhile is waited for.
        """
    def archive(self, job: str, file: str | PathLike[str]) -> int:
        """Keeps the job with its files, history, logs and pictures as one zip; returns its length in bytes.

        The file appears whole or not at all. Raises NotFound, and Refused while the job's files are not complete.
        """
    def restore(self, file: str | PathLike[str]) -> str:
        """Brings a job back from such a zip, on this master or another one; returns its id, a new one if the old is taken.

        All of it is checked first; raises InvalidJob if anything in it is wrong, and then nothing is kept.
        """
    def gather(self, job: str, folder: str, *, frames: str | None = None, blender: str | None = None) -> Gather:
        """Asks for the job, then brings its results into `folder` as `000001.exr` …, as they get done.

        `blender` denoises what slaves left noisy, in jobs of earlier releases; None: one of the job's series on this machine.
        """
    def close(self) -> None: ...
    def __enter__(self) -> Client: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...

@final
class Later:
    """Questions to a client's master that are only begun: nothing here waits. Answers are as those of `Client`'s methods."""

    def jobs(self) -> Pending[list[JobInfo]]: ...
    def frames(self, job: str, *, offset: int = 0, limit: int = 1000) -> Pending[list[FrameInfo]]: ...
    def slaves(self) -> Pending[list[SlaveInfo]]: ...
    def explain_job(self, job: str) -> Pending[list[str]]: ...
    def explain_slave(self, slave: str) -> Pending[list[str]]: ...
    def blacklist(self, job: str | None = None) -> Pending[list[Ban]]: ...
    def rules(self) -> Pending[Rules]: ...
    def log(self, job: str, frame: int, *, attempt: int | None = None, offset: int = 0) -> Pending[str]: ...
    def thumbnail(self, job: str, frame: int, *, width: int = 240) -> Pending[bytes]: ...
    def pause(self, job: str) -> Pending[Literal[True]]: ...
    def resume(self, job: str) -> Pending[Literal[True]]: ...
    def cancel(self, job: str) -> Pending[Literal[True]]: ...
    def remove(self, job: str, *, keep_results: bool = False) -> Pending[Literal[True]]: ...
    def edit(
        self,
        job: str,
        *,
        name: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
        requirements: str | None = None,
        priority: int | None = None,
        chunks: int | None = None,
        frames: str | None = None,
        add_frames: str | None = None,
        remove_frames: str | None = None,
        after: Sequence[str] | None = None,
        attempts: int | None = None,
        silence_time: int | None = None,
        stall_time: int | None = None,
        frame_time: int | None = None,
    ) -> Pending[JobInfo]: ...
    def reset(self, job: str, *, frames: str | None = None, everything: bool = False) -> Pending[Literal[True]]: ...
    def ban(self, slave: str, *, job: str | None = None, reason: str = "") -> Pending[Literal[True]]: ...
    def lift_ban(self, slave: str | None = None, *, job: str | None = None) -> Pending[Literal[True]]: ...
    def pause_slave(self, slave: str) -> Pending[Literal[True]]:
        """Lets a slave finish what it renders, and gives it nothing more."""
    def resume_slave(self, slave: str) -> Pending[Literal[True]]: ...
    def tag_slave(self, slave: str, tags: list[str] | None) -> Pending[Literal[True]]:
        """Gives a slave other tags than it says of itself; ``None``: its own again."""
    def end_slave(self, slave: str) -> Pending[Literal[True]]:
        """Lets a slave end after what it renders."""
    def set_rules(
        self, *, share: int | bool | None = None, new_first: int | bool | None = None, starving_first: int | bool | None = None
    ) -> Pending[Rules]: ...
    def bring_bakes(self, job: str, folder: str, *, blend: str | None = None, blender: str | None = None) -> Pending[Bakes]: ...
    def gather(self, job: str, folder: str, *, frames: str | None = None, blender: str | None = None) -> Pending[Gather]: ...
    def finish(
        self,
        job: str,
        folder: str,
        *,
        frames: str | None = None,
        follow: bool = True,
        blender: str | None = None,
        allow_scripts: bool = False,
    ) -> Pending[Finish]:
        """As `Finish.start`."""

@final
class Submission:
    """A job on its way to the master."""

    def progress(self) -> Progress:
        """Where it stands; never blocks."""
    def wait(self, timeout: float) -> str | None:
        """The job's id, or None if it is not there after `timeout`. Raises what made it fail."""
    def cancel(self) -> None:
        """Stops it, and takes the job back if the master has it already."""

@final
class Progress:
    """How far a submission is."""

    stage: Literal["collecting", "hashing", "sending", "sent", "failed", "cancelled"]
    text: str
    """One line for people, such as `sending wood.png (12 of 80 MB)`."""
    done: int
    total: int
    """Bytes; 0 if not known yet."""
    files_done: int
    files_total: int
    """Files sent, of those that the master did not have yet."""
    job: str | None
    """The job's id once the master knows it."""
    bake_job: str | None
    """The id of the job that bakes for it, if there is one."""
    unbaked: list[str]
    """Names of simulations that are not baked, nor are being baked, and could be."""
    warnings: list[str]
    """What may look different elsewhere, in sentences; complete once the stage is `hashing`."""
    missing: list[str]
    """Files that the scene needs and that are not there, all of them: nothing is sent then unless `allow_missing`."""

@final
class Gather:
    """Results on their way from the master; several are fetched ahead."""

    def frame(self, frame: int, timeout: float) -> GatheredFrame:
        """The frame's state, waiting up to `timeout` for its file. Fetches it first if it is not under way yet."""
    def tiles(self, frame: int, width: int, height: int) -> list[tuple[str, int, int, int, int]]:
        """The tiles of a frame that lie in the folder before all of it does, as multilayer EXR; never blocks.

        Each with left, bottom, width and height in pixels of a picture of this size.
        """
    def done(self) -> int:
        """How many frames lie in the folder; never blocks."""
    def wait(self, timeout: float) -> bool:
        """Whether all that can be had is in the folder, waiting up to `timeout` for that. Raises what ended it."""
    def stop(self) -> None:
        """Ends the fetching; files that are there stay. A second call does nothing."""

@final
class Finish:
    """Final frames on their way: gathered, and finished by a Blender of this machine."""

    @classmethod
    def start(
        cls,
        client: Client,
        job: str,
        folder: str,
        *,
        frames: str | None = None,
        follow: bool = True,
        blender: str | None = None,
        allow_scripts: bool = False,
    ) -> Finish:
        """Asks for the job, then makes the final files of its frames in `folder`, as a local render of the scene writes them.

        A Blender of the job's series does it: `blender`, else one on this machine. Without `follow`, only what is rendered by now.
        """
    def wait(self, timeout: float) -> FinishProgress:
        """How far it is, waiting up to `timeout` seconds until it is over. Raises what made it end early."""
    def stop(self) -> None:
        """Ends it; files that are finished stay. A second call does nothing."""

@final
class FinishProgress:
    """How far a finishing is, in frames; `files` counts what lies in the folder, those of File Output nodes too."""

    wanted: int
    finished: int
    failed: int
    files: int
    text: str
    complete: bool

@final
class GatheredFrame:
    """One frame of a gathering."""

    state: Literal["queued", "rendering", "delivering", "fetching", "here", "failed", "unknown", "cancelled"]
    path: str | None
    """The multilayer EXR, once it is whole and checked."""
    text: str
    """One line for people, such as `frame 12 is being rendered on node3` or why it failed."""

@final
class JobInfo:
    """A job on the master."""

    id: str
    name: str
    sent_by: Literal["admin", "submit"]
    """With which key; one to submit changes only what was sent with one like it."""
    kind: Literal["render", "bake"]
    """The frames of one that bakes are its bakes: frame 1 is the first."""
    category: str
    tags: list[str]
    requirements: str
    priority: int
    chunks: int
    frames: str
    tiles: str
    """Columns and rows that each frame is cut into, "1x1" if it is not."""
    piece: Literal["frame", "tile", "task", "bake"]
    """What is counted below: tasks are a frame's tiles and its denoising."""
    frame_total: int
    """How many frames it has, however they are cut, or bakes."""
    state: Literal["waiting", "queued", "paused", "finished", "failed", "cancelled"]
    total: int
    queued: int
    rendering: int
    done: int
    failed: int
    usage: float
    frame_seconds: float | None
    percent: int | None
    """Of a job that bakes how much is done: bakes under way count as far as they have come."""
    depends_on: list[str]
    resets: int
    """How often frames of it were reset, added or taken out: what was gathered before may be old."""
    blacklisted: int
    """How many slaves get nothing of it."""
    submitted: float
    """When it came, and"""
    state_since: float
    """since when it is in its state, as `time.time` counts."""
    explanation: list[str]

@final
class Bakes:
    """Bakes that were brought into a folder."""

    names: list[str]
    """Which ones are here,"""
    wanted: int
    """of how many,"""
    failed: int
    """of which so many failed."""
    files: int
    index: str
    """The file that tells more of them, in JSON."""
    blend: str | None
    """The .blend that plays them back, if one was made, or has some of them inside: rigid bodies are kept there."""
    warnings: list[str]
    """What does not play back in it, and what was kept aside for it, in sentences."""

@final
class Ban:
    """A slave on a blacklist; times in seconds since the Unix epoch."""

    slave: str
    name: str
    since: float
    until: float | None
    """None: until somebody takes it off the list."""
    cause: Literal["failures", "unfit", "client", "administrator"]
    reason: str

@final
class FarmSettings:
    """What an administrator has set for the whole farm."""

    attempts: int
    """Failed attempts after which a frame is given up."""
    silence_time: int
    """Seconds of silence after which a slave is taken for gone."""
    stall_time: int
    """Seconds without news of a frame after which its attempt fails; 0: learnt from each job."""
    frame_time: int
    """Seconds that a frame may take; 0: learnt from each job."""
    blacklist_after: int
    """Frames failed in a row after which a slave gets nothing more of a job; 0: never."""
    blacklist_time: int
    """For how many seconds; 0: until somebody takes it off the list."""
    set_aside_after: int
    """Frames failed in a row after which a slave gets nothing more of any job; 0: never."""
    set_aside_time: int
    """For how many seconds; 0: until somebody takes it off the list."""
    hopeless_after: int
    """A job is paused when so many of its frames were given up and none was ever done; 0: never."""
    straggler_time: int
    """Seconds after which one of a job's last frames may be rendered by an idle slave too; 0: never."""
    keep_days: int
    """Days for which jobs that are over are kept; 0: until somebody removes them."""
    keep_jobs: int
    """How many jobs that are over are kept; 0: all."""
    disk_free: int
    """Mebibytes of the master's disk that stay free."""
    force_upload: bool
    """Whether clients must upload every file."""

@final
class FrameInfo:
    """A frame of a job."""

    frame: int
    tiles: int
    """How many tiles it is cut into, 1 if it is not; and"""
    tiles_done: int
    """how many of them are done."""
    state: Literal["queued", "rendering", "delivering", "done", "failed"]
    attempt: int
    slave: str | None
    seconds: float | None
    failure: str | None
    bake: str | None
    """What it bakes, if its job does that."""
    percent: int | None
    """How much of it is done, while a slave that can tell has it."""

@final
class SlaveInfo:
    """A slave of the farm."""

    id: str
    name: str
    address: str
    tags: list[str]
    own_tags: list[str] | None
    """What it says of its tags, if somebody gave it others."""
    blenders: list[str]
    online: bool
    lost: bool
    """Whether it fell silent since the master started, and said no goodbye."""
    last_seen: float
    """When it last gave a sign of life, as `time.time` counts."""
    set_aside: bool
    """Whether it is on the farm's blacklist: then it gets nothing of any job."""
    paused: bool
    resting: str | None
    """Why it takes no work just now, as it says."""
    slots: int
    allows_scripts: bool
    """Whether scripts inside of scenes run there."""
    jobs: list[str]
    """Of which jobs it renders or delivers frames, once for each frame."""
    os: str
    cores: int
    memory: int
    gpus: list[str]
    load: float
    speed: float
    """How fast it renders, compared with others: 2 for half of their time; 1 while nothing tells."""
    done: int
    failed: int
    explanation: list[str]

@final
class Rule:
    """One rule of balancing."""

    enabled: bool
    limit: int

@final
class Rules:
    """The rules of balancing."""

    share: Rule
    """A job may not use more than this percentage of the slaves, unless it is the only one."""
    new_first: Rule
    """First come jobs with fewer frames dispatched than this."""
    starving_first: Rule
    """First come jobs that have had no slave for more than this number of minutes."""

@final
class MasterFound:
    """A master that answered on the local network."""

    url: str
    name: str
    farm: str
    version: str
    usable: bool
    """Whether it speaks our version and we have its farm's key."""

@final
class ExrInfo:
    """What is in a multilayer EXR of Blender."""

    width: int
    height: int
    passes: dict[str, dict[str, str]]
    """View layer → pass → its channels in Blender's own order, such as `RGBA` or `XYZ`."""
    metadata: dict[str, str]
    """Text attributes of the header, such as `cryptomatte/…` and `cycles.…`."""

@final
class VersionGuess:
    """Where a .blend lies in a working copy."""

    vcs: str
    remote: str
    """Where slaves get it from: where the working copy came from, without a login."""
    revision: str
    working_copy: str
    path: str
    """The .blend in it, with `/` between names."""

@final
class JobSource:
    """Which revision slaves get a job's files from."""

    vcs: str
    remote: str
    revision: str
    path: str
    """The .blend in it."""

    @classmethod
    def of(cls, client: Client, job: str) -> JobSource | None:
        """That of a job; None if its files come from the master. Raises NotFound."""

def find_masters(timeout: float = 2.0) -> list[MasterFound]:
    """Asks the local network for masters and returns those that answered in time."""

def start_find_masters(timeout: float = 2.0) -> Pending[list[MasterFound]]:
    """The same without waiting; returns at once."""

def guess_version(
    blend: str,
    *,
    vcs: Literal["svn", "git", "auto"] = "auto",
    revision: str | None = None,
    remote: str | None = None,
    working_copy: str | None = None,
) -> VersionGuess:
    """Finds out in which working copy a .blend lies, and at which revision; what is told is not guessed.

    `revision`: a number of Subversion or `HEAD`, or whatever Git knows as a commit. `working_copy`: the folder that all files
    of the job must lie in. Raises InvalidJob if it lies in none. Reaches no server, but for the `HEAD` of Subversion.
    """

def start_guess_version(
    blend: str,
    *,
    vcs: Literal["svn", "git", "auto"] = "auto",
    revision: str | None = None,
    remote: str | None = None,
    working_copy: str | None = None,
) -> Pending[VersionGuess]:
    """The same without waiting."""

def add_key(line: str) -> str:
    """Keeps a key that a master elsewhere has shown (itself, or the line of `key_line`); returns which farm it opens.

    It is kept beside keys of other roles; of several, clients take the one that allows most, slaves the one to render.
    The line of `key_line` also tells the master's certificate, which is trusted from then on. Raises InvalidJob if it is
    neither, OSError if it cannot be kept.
    """

def known_farms() -> list[str]:
    """The farms whose keys are kept for this user, that of this machine's own masters first. From the disk, not the network."""

def own_key() -> str | None:
    """The key of this machine's own masters, as it is in the user's own folder; None as long as none has made one."""

def key_line(
    *,
    master: str = "auto",
    role: Literal["admin", "submit", "render"] | None = None,
    host: str | None = None,
    key_file: str | None = None,
    timeout: float = 10.0,
) -> str:
    """One line that gives another machine a key, the master's address and its certificate: for `add_key` there.

    `role`: what it allows: everything, to send jobs and change those that were sent so, to be a slave; None: as much as the
    key here. `host`: the name or address by which the master is reached from there, None to find it out.
    """

def trust(master: str, *, key_file: str | None = None, timeout: float = 10.0) -> str | None:
    """Trusts the certificate that a master shows now, after it was renewed on purpose; returns its SHA-256."""

def start_trust(master: str, *, key_file: str | None = None, timeout: float = 10.0) -> Pending[Client]:
    """The same without waiting; the answer is the connection."""

def exr_info(path: str) -> ExrInfo:
    """Reads the header of a multilayer EXR. Raises OSError or InvalidJob."""

def main(arguments: Sequence[str]) -> int:
    """The `netrender` command with its arguments (without the program's name); returns its exit status."""

//! What can be written after `netrender`.

use super::changes::{BlacklistArguments, EditArguments, LimitArguments, ResetArguments, SettingsArguments};
use super::names::Names;
use super::slave::SlaveArguments;
use super::versions::{VcsArguments, VersionArguments};
use crate::client::{AUTO, TilesWish};
use crate::ids::{FrameSet, Requirements, Role};
use crate::master::PORT_DEFAULT;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Renders Blender animations over the network: one master, any number of slaves, and whoever sends them jobs.
#[derive(Debug, Parser)]
#[command(name = "netrender", version, max_term_width = 100)]
pub(super) struct Arguments {
    /// Where the key is.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "File that holds the farm's key (else NETRENDER_KEY, else the key kept for this user)"
    )]
    pub(super) key_file: Option<PathBuf>,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a master on this machine until Ctrl-C
    Master(MasterArguments),
    /// Run a slave on this machine until Ctrl-C
    Slave(SlaveArguments),
    /// Send a saved .blend with all that it needs
    Submit(Box<SubmitArguments>),
    /// Tell in which working copy of Subversion or Git a .blend lies, as `submit --vcs auto` would send it
    Vcs(VcsArguments),
    /// List the jobs, newest first
    Jobs {
        #[command(flatten)]
        to: Query,
    },
    /// Show one job
    Job {
        #[command(flatten)]
        job: JobQuery,
    },
    /// List the slaves
    Slaves {
        #[command(flatten)]
        to: Query,
    },
    /// Let a slave finish what it renders, and give it nothing more
    PauseSlave {
        #[command(flatten)]
        slave: SlaveQuery,
    },
    /// Give work to a paused slave again
    ResumeSlave {
        #[command(flatten)]
        slave: SlaveQuery,
    },
    /// Let a slave end after what it renders
    EndSlave {
        #[command(flatten)]
        slave: SlaveQuery,
    },
    /// Give a slave other tags than it says of itself
    TagSlave {
        #[command(flatten)]
        slave: SlaveQuery,
        /// All its tags from now on; none are none
        #[arg(value_name = "TAG")]
        tags: Vec<Names>,
        /// Those again that it says of itself
        #[arg(long, conflicts_with = "tags")]
        own: bool,
    },
    /// Let no more frames of a job begin
    Pause {
        #[command(flatten)]
        job: JobQuery,
    },
    /// Let a paused job go on
    Resume {
        #[command(flatten)]
        job: JobQuery,
    },
    /// End a job; its finished frames stay
    Cancel {
        /// The job's id, or enough of its beginning
        #[arg(id = "job_id", value_name = "JOB", required_unless_present = "all")]
        id: Option<String>,
        /// Every job that is not over
        #[arg(long, conflicts_with = "job_id")]
        all: bool,
        #[command(flatten)]
        to: Query,
    },
    /// Delete a job on the master, with its files
    Remove {
        #[command(flatten)]
        job: JobQuery,
        /// Leave its results on the master's disk, in the folder `kept` of the master's path
        #[arg(long)]
        keep_results: bool,
    },
    /// Change a job: what is not named stays as it is
    Edit(Box<EditArguments>),
    /// Let frames of a job be rendered anew: those that failed, unless others are named
    Reset(ResetArguments),
    /// Show the slaves that get nothing of a job, or of any; put some on the list or take them off
    Blacklist(BlacklistArguments),
    /// Show the farm's settings, or change some
    Settings(Box<SettingsArguments>),
    /// Show what Blender printed while it rendered a frame
    Log {
        #[command(flatten)]
        job: JobQuery,
        /// The frame's number
        #[arg(allow_negative_numbers = true, value_parser = super::ask::frame_number)]
        frame: i32,
        /// Which tile of a frame that is cut into tiles, from 1
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        tile: Option<u32>,
        /// Go on while Blender prints, until the frame is done or given up
        #[arg(long)]
        follow: bool,
    },
    /// Keep a job with its files, history, logs and pictures as one zip
    Archive {
        #[command(flatten)]
        job: JobQuery,
        /// The zip to write
        file: PathBuf,
    },
    /// Bring a job back from such a zip, on this master or another one
    Restore {
        /// The zip
        file: PathBuf,
        #[command(flatten)]
        to: Query,
    },
    /// Tell why a job or a slave does what it does, or does nothing
    Explain(super::rules::ExplainArguments),
    /// Show the rules by which jobs are balanced, or change them
    Rules(super::rules::RulesArguments),
    /// Bring the finished frames of a job into a folder
    Results(super::results::ResultsArguments),
    /// Tell whether two EXR files, or two folders of frames, hold the same pictures
    Compare {
        /// An EXR file or a folder of frames
        left: PathBuf,
        /// Another one
        right: PathBuf,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// List the masters that answer on the local network
    Masters {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// The farm's key: show it, hand it over, keep that of another machine, replace it
    Key {
        #[command(subcommand)]
        action: Option<KeyAction>,
    },
    /// Trust the certificate that a master shows now, after it was renewed on purpose
    Trust {
        /// Its address
        #[arg(value_name = "URL", help = "The master, such as https://node1:8000")]
        master: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyAction {
    /// Show the key of this user's own masters
    Show,
    /// Keep the key that a master elsewhere has shown
    Add {
        /// The key, or the line of hand-over; - reads it from the standard input
        #[arg(value_name = "LINE")]
        text: String,
    },
    /// Show one line that gives another machine the key, the master's address and its certificate
    HandOver {
        #[command(flatten)]
        master: MasterChoice,
        /// What it allows: everything (admin), to send jobs (submit), or to be a slave (render) [default: as the key here]
        #[arg(long)]
        role: Option<Role>,
        /// Name or address by which the master is reached from there [default: found out]
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
    },
    /// Have the master make a new key; the old one is refused from then on
    New {
        #[command(flatten)]
        master: MasterChoice,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AccessArgument {
    /// Who has the farm's key
    Key,
    /// Everybody who reaches it
    Open,
}

#[derive(Debug, Args)]
pub(super) struct MasterArguments {
    /// Folder for its state and files [default: in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub(super) path: Option<PathBuf>,
    /// Address to listen on; `[default]` is every interface
    #[arg(long, default_value = "[default]", hide_default_value = true)]
    pub(super) address: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = PORT_DEFAULT)]
    pub(super) port: u16,
    /// Name to be shown [default: the machine's]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) name: String,
    /// Name or address by which callers reach it, beyond the machine's own; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) host_name: Vec<String>,
    /// Do not announce it on the local network
    #[arg(long)]
    pub(super) no_broadcast: bool,
    /// Delete its state and files when it ends
    #[arg(long)]
    pub(super) clear_on_exit: bool,
    /// Have clients upload every file, even one that the master can read by itself from a shared disk
    #[arg(long)]
    pub(super) force_upload: bool,
    /// Who may use the farm
    #[arg(long, value_enum, default_value_t = AccessArgument::Key)]
    pub(super) access: AccessArgument,
    #[command(flatten)]
    pub(super) ssl: SslArguments,
}

#[derive(Debug, Args)]
pub(super) struct SslArguments {
    /// Speak TLS: with the certificate and its key in these PEM files (the chain of trust after the certificate), or with a
    /// certificate of its own
    #[arg(long, value_name = "CERT[,KEY]|self-signed", value_parser = NonEmptyStringValueParser::new())]
    pub(super) ssl: Option<String>,
    /// The same as --ssl, for a path that holds a comma
    #[arg(long, value_name = "FILE", conflicts_with = "ssl")]
    pub(super) ssl_cert: Option<PathBuf>,
    /// The certificate's key [default: in the same file]
    #[arg(long, value_name = "FILE")]
    pub(super) ssl_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct SubmitArguments {
    /// The saved .blend; what Blender has not saved yet is not sent
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) to: Query,
    /// The Blender (or Python with the bpy module) to read it with [default: the first one found]
    #[arg(long, value_name = "PATH")]
    pub(super) blender: Option<PathBuf>,
    /// Frames such as 1-10,20 or 1-100x2 [default: the scene's own range]
    #[arg(long, allow_hyphen_values = true)]
    pub(super) frames: Option<FrameSet>,
    /// Cut each frame into tiles for several slaves: columns and rows such as 4x3, or auto
    #[arg(long, value_name = "GRID", default_value = "1x1", hide_default_value = true)]
    pub(super) tiles: TilesWish,
    /// Refuse tiles that equal the whole frame only within its noise (adaptive sampling)
    #[arg(long, requires = "tiles")]
    pub(super) tiles_exact: bool,
    /// What to call the job [default: the file's name]
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Group for load balancing
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) category: String,
    /// Tags that slaves must have, such as gpu;fast
    #[arg(long)]
    pub(super) tags: Vec<Names>,
    /// What else slaves must be, such as `cores>=8; memory_gib>=32; os=linux; gpu=cuda; slave=a,b; blender=4.2`
    #[arg(long, default_value_t, hide_default_value = true)]
    pub(super) requirements: Requirements,
    /// Scene to render [default: the file's own]
    #[arg(long)]
    pub(super) scene: Option<String>,
    /// Engine to render with, such as CYCLES [default: the scene's own]
    #[arg(long)]
    pub(super) engine: Option<String>,
    /// Size in percent [default: the scene's own]
    #[arg(long, value_name = "PERCENT")]
    pub(super) resolution: Option<u32>,
    /// Samples per pixel in Cycles [default: the scene's own]
    #[arg(long)]
    pub(super) samples: Option<u32>,
    /// 1 to 10; a job of priority 2 gets twice as much as one of 1
    #[arg(long, default_value_t = 1)]
    pub(super) priority: u32,
    /// Frames that a slave gets at once; 0 lets the master choose
    #[arg(long, default_value_t = 0)]
    pub(super) chunks: u32,
    /// Start a Blender for each chunk instead of keeping one with the scene open
    #[arg(long)]
    pub(super) fresh_blender: bool,
    /// Render it only once this job is finished; may be repeated
    #[arg(long, value_name = "JOB")]
    pub(super) after: Vec<String>,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
    /// Bake its simulations on the network, and render nothing; --results brings what is baked
    #[arg(long, group = "baking", conflicts_with_all = ["bake_first", "frames", "tiles", "finals"])]
    pub(super) bake: bool,
    /// Bake its simulations on the network first, and render it with these bakes
    #[arg(long, group = "baking")]
    pub(super) bake_first: bool,
    /// Names of bakes or of objects in the order in which they are to be baked, such as `Flag, Cape` [default: what depends on
    /// another one comes after it]
    #[arg(long, value_name = "NAMES", requires = "baking")]
    pub(super) bake_order: Option<String>,
    /// Send it even if files that it needs are missing
    #[arg(long)]
    pub(super) allow_missing: bool,
    /// Scripts inside of the file do not run, whatever the slaves allow; else only slaves that allow them render it
    #[arg(long)]
    pub(super) without_scripts: bool,
    #[command(flatten)]
    pub(super) version: VersionArguments,
    /// Wait until it is rendered
    #[arg(long)]
    pub(super) wait: bool,
    /// Wait, and bring the frames into this folder as they get done
    #[arg(long, value_name = "DIR")]
    pub(super) results: Option<PathBuf>,
    /// Make final frames: composited, in the scene's own format, named by its output path; --results brings them
    #[arg(long = "final", value_name = "WHERE")]
    pub(super) finals: Option<Finals>,
}

/// Who makes final frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Finals {
    /// This machine, as the frames come in; needs --results
    Client,
    /// The slaves, each with the frames that it renders
    Slaves,
}

#[derive(Debug, Args)]
pub(super) struct JobQuery {
    /// The job's id, or enough of its beginning
    #[arg(id = "job_id", value_name = "JOB")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) to: Query,
}

#[derive(Debug, Args)]
pub(super) struct SlaveQuery {
    /// The slave's id, enough of its beginning, or its name
    #[arg(id = "slave_id", value_name = "SLAVE")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) to: Query,
}

#[derive(Debug, Args)]
pub(super) struct Query {
    #[command(flatten)]
    pub(super) master: MasterChoice,
    /// Answer in JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct MasterChoice {
    /// Its address.
    #[arg(
        long,
        value_name = "URL",
        env = "NETRENDER_MASTER",
        default_value = AUTO,
        help = "The master, such as http://node1:8000 or https://node1:8000; auto finds it by its broadcast"
    )]
    pub(super) master: String,
}

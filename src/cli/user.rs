//! `app user …`: invitations to register.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use migrate_toolkit::Exit;
use migrate_toolkit::cli::CommandOutput;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::database::Database;
use super::globals::Globals;
use crate::config::{Config, ConfigPurpose, RegistrationMode};
use crate::db::explain::Chain;
use crate::features::auth::{invites_store as store, registration};
use crate::http::security_log::SecurityEvent;
use crate::migrations;
use crate::program::MIGRATION_NAMES;

/// The maximum lifetime of an invitation, so that a forgotten one does not work years later.
const MAX_LIFETIME: Duration = Duration::from_hours(366 * 24);

#[derive(Debug, clap::Args)]
pub(super) struct UserOptions {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Create an invitation code, for registration where auth.registration is `invite`; it is shown once
    #[command(after_help = "The new user sends it as inviteCode.\n\n\
                            Exit codes: 0 created, 1 failed, 3 the database is not up to date")]
    Invite {
        /// The lifetime of the code, such as 12h or 30d
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = lifetime)]
        expires: Duration,
        /// The number of registrations that the code allows
        #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=1000))]
        uses: i64,
    },
    /// List the invitations, without their codes, which are not stored
    Invites,
    /// Revoke an invitation; users who registered with it stay
    #[command(after_help = "Exit codes: 0 revoked, 1 failed, or there is no such invitation")]
    RevokeInvite {
        /// The id shown by `app user invites`
        #[arg(value_name = "ID")]
        id: i64,
    },
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() || duration > MAX_LIFETIME {
        return Err("set from 1s to 366d".to_owned());
    }
    Ok(duration)
}

impl UserOptions {
    pub(super) async fn run(self, globals: Globals) -> anyhow::Result<ExitCode> {
        let (json, name) = (self.json, self.command.name());
        let answer = match Box::pin(self.answer(globals)).await {
            Ok(answer) => answer,
            Err(error) if json => CommandOutput::of_error(Exit::Failed, "failed", &Chain(error.as_ref()).to_string()),
            Err(error) => return Err(error),
        };
        Ok(answer.print(MIGRATION_NAMES.program, name, json))
    }

    async fn answer(self, globals: Globals) -> anyhow::Result<CommandOutput> {
        let config = globals.config(ConfigPurpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        let database = Database::open(&config).await?;
        let outcome = self.command.run(&config, &database).await;
        database.close().await?;
        outcome
    }
}

impl UserCommand {
    const fn name(&self) -> &'static str {
        match self {
            Self::Invite { .. } => "invite",
            Self::Invites => "invites",
            Self::RevokeInvite { .. } => "revoke-invite",
        }
    }

    async fn run(self, config: &Config, database: &Database) -> anyhow::Result<CommandOutput> {
        let status = migrations::migrator(config, &database.direct).status(false).await?;
        if status.exit(config.profile.into()) != Exit::Done {
            let text = "the database is not up to date; nothing was changed. Run `app migrate deploy` first.";
            return Ok(CommandOutput::of_error(status.exit(config.profile.into()), "not_up_to_date", text));
        }
        let mut connection = database.connect().await?;
        let answer = match self {
            Self::Invite { expires, uses } => invite(&mut connection, config, expires, uses).await?,
            Self::Invites => list(&store::all(&mut connection).await?),
            Self::RevokeInvite { id } => revoke(&mut connection, id).await?,
        };
        connection.close().await?;
        Ok(answer)
    }
}

async fn invite(
    connection: &mut PgConnection,
    config: &Config,
    expires: Duration,
    uses: i64,
) -> anyhow::Result<CommandOutput> {
    let (code, hash) = registration::new_code()?;
    let invite = store::insert(connection, &hash, uses, expires.as_secs_f64()).await?;
    SecurityEvent::InviteMade.log(None, None);
    let code = code.expose();
    let times = if uses == 1 { "once".to_owned() } else { format!("{uses} times") };
    let mut text = format!(
        "{code}\n\nInvitation {}, valid {times} until {}. The code is not shown again; revoke it with \
         `app user revoke-invite {}`.",
        invite.id,
        invite.expires_at.format("%Y-%m-%d %H:%M UTC"),
        invite.id
    );
    if config.auth.registration != RegistrationMode::Invite {
        text += "\nauth.registration is not `invite`, so no code is required: set APP_AUTH__REGISTRATION=invite.";
    }
    Ok(CommandOutput::new(Exit::Done, text, json!({"code": code, "invite": shown(&invite)})))
}

fn list(invites: &[store::Invite]) -> CommandOutput {
    let fields = json!({"invites": invites.iter().map(shown).collect::<Vec<_>>()});
    if invites.is_empty() {
        return CommandOutput::new(Exit::Done, "There are no invitations. `app user invite` creates one.", fields);
    }
    let lines: Vec<String> = invites
        .iter()
        .map(|invite| {
            let (made, until) =
                (invite.created_at.format("%Y-%m-%d %H:%M"), invite.expires_at.format("%Y-%m-%d %H:%M"));
            format!(
                "{:>6}  {:<7}  uses left {:>4}  created {made}  until {until} UTC",
                invite.id,
                state(invite),
                invite.uses_left
            )
        })
        .collect();
    CommandOutput::new(Exit::Done, lines.join("\n"), fields)
}

async fn revoke(connection: &mut PgConnection, id: i64) -> anyhow::Result<CommandOutput> {
    if !store::delete(connection, id).await? {
        let text =
            format!("there is no invitation {id}; nothing was changed. `app user invites` lists all invitations.");
        return Ok(CommandOutput::of_error(Exit::Failed, "not_found", &text));
    }
    SecurityEvent::InviteRevoked.log(None, None);
    Ok(CommandOutput::new(Exit::Done, format!("The invitation {id} was revoked."), json!({"revoked": id})))
}

fn shown(invite: &store::Invite) -> Value {
    json!({
        "id": invite.id,
        "state": state(invite),
        "usesLeft": invite.uses_left,
        "createdAt": invite.created_at.to_rfc3339(),
        "expiresAt": invite.expires_at.to_rfc3339(),
    })
}

const fn state(invite: &store::Invite) -> &'static str {
    if invite.uses_left == 0 {
        "used up"
    } else if invite.expired {
        "expired"
    } else {
        "open"
    }
}

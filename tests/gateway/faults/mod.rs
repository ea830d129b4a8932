//! The machine's bad hours: nothing acknowledged is lost, nobody gets in, and service comes back by itself.
mod clock;
mod death_of_commands;
mod death_of_factors;
mod death_of_links;
mod death_of_passkeys;
mod descriptors;
mod disk;
mod half_open;
mod losses;
mod memory;
mod names;
mod near_network;
mod network;
mod network_of_nodes;
mod randomness;
mod silence;
mod sudden_death;
